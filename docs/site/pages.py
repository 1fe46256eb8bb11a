"""What the site shows besides the folder docs: the pages of the adapters, the diagrams.

The pages stand beside the configurations that they explain, where a reader of the
repository looks for them. Links between them and the docs are written for the
repository, and are rewritten for the site here. A reader of the site needs no network:
what runs in the browser is copied from the npm packages of `package-lock.json`.
"""

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation, Section
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).parents[2]
#: What is shown of the repository outside docs: its path there, its path in the site.
SHOWN: Final = {
    **{
        page.relative_to(ROOT).as_posix(): page.relative_to(ROOT).as_posix()
        for page in sorted(ROOT.glob("adapters/*/README.md"))
    },
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
#: What `make docs` fetches with npm: its path in the site, its file. One draws the
#: diagrams, one lets the search run in a site that is opened from a folder.
MERMAID: Final = "assets/mermaid.js"
FETCHED: Final = {
    MERMAID: "@mermaid-js/tiny/dist/mermaid.tiny.js",
    "assets/iframe-worker.js": "iframe-worker/shim/index.js",
}
MODULES: Final = ROOT / "build" / "npm" / "node_modules"
AS_TEXT: Final = "*A diagram, as text: the site was built without what draws it.*"
#: What is not shown is linked to where it is kept.
_LINK: Final = re.compile(r"\]\((?!https?:|mailto:|#|/)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what was fetched, the pages outside docs, every file that a page links to."""
    for uri, place in FETCHED.items():
        if (MODULES / place).is_file():
            files.append(File.generated(config, uri, abs_src_path=str(MODULES / place)))
    for place, uri in SHOWN.items():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / place)))
    linked = {
        target
        for file in files.documentation_pages()
        for target, _ in _links(_place(file.src_uri), file.content_string)
    }
    for place in sorted(linked - set(SHOWN)):
        path = ROOT / place
        if path.is_file() and not place.startswith("docs/"):
            files.append(File.generated(config, place, abs_src_path=str(path)))
    return files


def on_page_markdown(
    markdown: str, page: Page, config: MkDocsConfig, files: Files
) -> str:
    """Rewrite the links of *page* for the site, and draw its diagrams, or show them."""
    del config
    here = page.file.src_uri
    if "\n```mermaid\n" in markdown:
        if files.get_file_from_path(MERMAID) is None:
            markdown = markdown.replace("\n```mermaid", f"\n{AS_TEXT}\n\n```text")
        else:
            script = relpath(MERMAID, str(PurePosixPath(here).parent))
            markdown += f'\n\n<script src="{script}"></script>\n'
    place = _place(here)

    def rewritten(match: re.Match[str]) -> str:
        target = normpath(str(PurePosixPath(place).parent / match[1]))
        if target == "README.md":
            target = "docs/index.md"
        uri = _uri(target)
        if uri is None:
            return match[0]
        return f"]({relpath(uri, str(PurePosixPath(here).parent))}{match[2] or ''})"

    return _LINK.sub(rewritten, markdown)


def on_nav(nav: Navigation, **_: Any) -> Navigation:
    """Name the sections as the index does, the tutorial first."""
    order = ["index", "tutorial", "how-to", "adapters", "reference", "explanation"]

    def rank(item: Any) -> int:
        name = item.title if isinstance(item, Section) else item.file.src_uri
        word = str(name).lower().replace(" ", "-").removesuffix(".md")
        return order.index(word) if word in order else len(order)

    nav.items.sort(key=rank)
    return nav


def _place(uri: str) -> str:
    """Return the path in the repository of what the site calls *uri*."""
    for place, shown in SHOWN.items():
        if shown == uri:
            return place
    return f"docs/{uri}"


def _uri(place: str) -> str | None:
    """Return what the site calls the file at *place*; None if it is not there."""
    if place.startswith("docs/"):
        return place.removeprefix("docs/")
    if place in SHOWN:
        return SHOWN[place]
    if f"{place}/README.md" in SHOWN:
        return SHOWN[f"{place}/README.md"]
    return place if (ROOT / place).is_file() else None


def _links(place: str, text: str) -> list[tuple[str, str]]:
    return [
        (normpath(str(PurePosixPath(place).parent / match[1])), match[2] or "")
        for match in _LINK.finditer(text)
    ]
