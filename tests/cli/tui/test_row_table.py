"""The table of rows: what it looks at to draw them."""

from collections import Counter

from textual.app import App, ComposeResult

from emp_cli.output.layout import Column, Sheet
from emp_cli.tui.widgets.row_table import MEASURED, RowTable


class Shown(App[None]):
    """Rows that are numbers."""

    def __init__(self, sheet: Sheet[int]) -> None:
        super().__init__()
        self.sheet = sheet

    def compose(self) -> ComposeResult:
        yield RowTable(self.sheet, id="rows")


async def test_the_last_of_the_first_rows_is_seen_once_the_cursor_is_on_it() -> None:
    app = Shown(Sheet((Column("NUMBER", lambda row, now: str(row)),), lambda row: {}, str, {}))
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(RowTable)
        table.show(range(100), 0)
        table.action_move_to(-1)
        await pilot.pause()
        assert "99" in table.render_line(23).text


async def test_a_long_table_reads_only_the_cells_that_are_seen() -> None:
    asked = Counter[int]()

    def cell(row: int, now: int) -> str:
        asked[row] += 1
        return str(row) * (9 if row == 5_000 else 1)

    app = Shown(Sheet((Column("NUMBER", cell), Column("NEXT", lambda row, now: "next")), lambda row: {}, str, {}))
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(RowTable)
        table.show(range(10_000), 0)
        await pilot.pause()
        assert len(asked) < MEASURED
        table.move_cursor(5_000)
        await pilot.pause()
        assert len(asked) < MEASURED
        assert table._widths == [9 * 4, 4]  # and a wide cell that comes into sight is shown whole
        table.move_cursor(0)
        await pilot.pause()
        assert table._widths == [9 * 4, 4]
