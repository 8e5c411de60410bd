"""The lines of a document: how they fit beside its scrollbar."""

from textual.app import App, ComposeResult
from textual.content import Content

from emp_cli.tui.widgets.document import Document
from emp_cli.tui.widgets.lines import Line


class Shown(App[None]):
    """A document that follows its last line."""

    CSS = "Document { scrollbar-gutter: stable; scrollbar-size-vertical: 1; overflow-x: hidden; }"

    def compose(self) -> ComposeResult:
        yield Document(follows=True)


async def test_lines_wrap_beside_the_scrollbar_and_the_last_one_is_seen() -> None:
    app = Shown()
    async with app.run_test(size=(40, 10)) as pilot:
        document = app.query_one(Document)
        lines = [Line(Content("x" * 76 + str(number))) for number in range(10, 31)]
        document.show(lambda width: lines)
        await pilot.pause()
        drawn = [document.render_line(row).text for row in range(10)]
        assert "".join(drawn[-2:]).replace(" ", "").endswith("x30")
        assert {len(row) for row in drawn} == {39}
