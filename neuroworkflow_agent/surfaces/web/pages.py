"""The page itself and its files: HTML without a script in it, the panel's modules and ours, one style sheet."""

from __future__ import annotations

import html
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles

from neuroworkflow_agent.render.markdown import STYLE
from neuroworkflow_agent.surfaces.page_scripts import modules_of

_HERE = Path(__file__).parent
_PANEL = _HERE.parent / "panel"
_MODULES = (
    *(f"panel/js/{name}.js" for name in modules_of("panel", "store", "notebook_page")),
    *(f"web/js/{path.name}" for path in sorted((_HERE / "js").glob("*.js"))),
)  # fmt: skip
"""What the page loads, all at once and not one after the other."""
_NAME = "NeuroWorkflow agent"


def static() -> Router:
    """Files that say nothing of anybody's."""
    return Router(
        [
            Route("/style.css", _style),
            Mount("/panel/js", StaticFiles(directory=_PANEL / "js")),
            Mount("/web/js", StaticFiles(directory=_HERE / "js")),
            Mount("/web/icons", StaticFiles(directory=_HERE / "icons")),
        ]
    )


async def page(request: Request) -> Response:
    """The page, the same for every chat."""
    root = html.escape(str(request.scope.get("root_path", "")).rstrip("/"))
    preloaded = "".join(f'<link rel="modulepreload" href="static/{module}">' for module in _MODULES)
    return HTMLResponse(
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><base href="{root}/"><title>{_NAME}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content">'
        '<meta name="color-scheme" content="light dark"><link rel="manifest" href="manifest.webmanifest">'
        '<link rel="icon" href="static/web/icons/icon.svg"><link rel="apple-touch-icon" href="static/web/icons/192.png">'
        f'<link rel="stylesheet" href="static/style.css">{preloaded}'
        '<script type="module" src="static/web/js/main.js"></script></head>'
        "<body><noscript>This page needs JavaScript.</noscript></body></html>\n",
        headers={"Cache-Control": "no-store"},
    )


async def manifest(request: Request) -> Response:
    """What a device needs to install the page."""
    root = str(request.scope.get("root_path", "")).rstrip("/")
    icons = [
        {"src": f"{root}/static/web/icons/{size}.png", "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
        for size in (192, 512)
        for purpose in ("any", "maskable")
    ]  # fmt: skip
    return JSONResponse(
        {
            "name": _NAME,
            "short_name": "Agent",
            "start_url": f"{root}/",
            "scope": f"{root}/",
            "display": "standalone",
            "background_color": "#ffffff",
            "theme_color": "#ffffff",
            "icons": icons,
        },
        media_type="application/manifest+json",
    )


@cache
def _sheet() -> str:
    files = (_PANEL / "panel.css", _HERE / "web.css")
    return STYLE + "".join(file.read_text(encoding="utf-8") for file in files)


async def _style(_request: Request) -> Response:
    return Response(_sheet(), media_type="text/css", headers={"Cache-Control": "no-cache"})
