"""Whether a cell is a sentence rather than code. Pure.

It errs towards code: what is asked about needlessly is worse than a syntax error that the user sees.
"""

from __future__ import annotations

import re
import warnings

_KEYWORDS = {
    "python": "and as assert async await break class continue def del elif else except exec finally for from global if import in is "
    "lambda match nonlocal not or pass print raise return try type while with yield",
    "r": "break else for function if in library next repeat require while",
    "typescript": "async await break case class const continue debugger declare default delete do else enum export extends finally for "
    "function if import in instanceof interface let namespace new of return static switch throw try type typeof var void while with yield",
}
_KEYWORDS["javascript"] = _KEYWORDS["typescript"]
_MAGICS = (
    "alias cat cd clear conda config cp debug env help history jobs ldir less ll ls lx magic mamba man matplotlib micromamba mkdir more mv "
    "notebook page paste pdb pinfo pip popd prun psearch pushd pwd pycat pylab quickref recall rehashx rep rerun reset rm rmdir run save "
    "sc store sx system tb time timeit unalias uv who whos xdel xmode"
)
"""Words by which IPython runs a magic without its percent sign."""
_FIRST = {name: frozenset(words.split()) for name, words in _KEYWORDS.items()}
_FIRST["python"] |= frozenset(_MAGICS.split())
_OPENING, _CLOSING = "\"'(\u201c\u2018\u00ab", "\"')\u201d\u2019\u00bb"
_PLAIN = re.compile(
    rf"[{_OPENING}]*+[\w'./%\u2019\u00b0\u00b5-]++[{_CLOSING}]*+[.,;:?!\u2026\u3002\u3001\uff1f\uff01]*+|[\u2013\u2014&+-]"
)
"""What stands between blanks in a sentence. Nothing is tried again: the relay waits, and a quotation mark fits three of the parts."""
_WORD = re.compile(r"[^\W\d_]{2,}", re.UNICODE)
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
"""Letters of scripts that put no blanks between words."""
_MIN_WORDS = 3
_MIN_UNSPACED = 4
_PLAIN_PART = 0.8
_MAX_CHARS = 4_000


def is_prose(code: str, language: str) -> bool:
    """Whether a cell is a sentence, and no code of the language.

    Parameters
    ----------
    code
        The cell's source.
    language
        The subkernel's, as its kernelspec names it, in lower case. One in which sentences may be code, such as bash, or of
        which nothing is known, has no prose.
    """
    first_words, text = _FIRST.get(language), code.strip()
    if first_words is None or len(text) > _MAX_CHARS or not (text[:1].isalpha() or text[:1] in "¿¡"):
        return False
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if any(not _is_plain(tokens) or tokens[0].lower() in first_words for tokens in lines):
        return False
    words = _WORD.findall(text)
    has_words = len(words) >= _MIN_WORDS and any(len(tokens) >= _MIN_WORDS for tokens in lines)
    if not has_words and len(_UNSPACED.findall(text)) < _MIN_UNSPACED:
        return False
    return not (language == "python" and _compiles(text))


def _is_plain(tokens: list[str]) -> bool:
    plain = sum(_PLAIN.fullmatch(token) is not None for token in tokens)
    return plain >= _PLAIN_PART * len(tokens)


def _compiles(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(text, "<cell>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            return False
    return True
