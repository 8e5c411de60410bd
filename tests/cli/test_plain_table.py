"""A table in a pipe: the one that Rich draws, without Rich."""

import pytest

from emp_cli.output import formats, terminal
from emp_cli.output.layout import Column

Row = tuple[str, str]

COLUMNS: list[Column[Row]] = [
    Column("NAME", lambda row, now: row[0]),
    Column("N", lambda row, now: row[1], "right", style=lambda row: "red"),
    Column("SAME", lambda row, now: row[0], shrinks=True),
]

ROWS = [("a", "1"), ("日本語", "22"), ("e\N{COMBINING ACUTE ACCENT}x\tb", ""), ("x" * 300, "4"), ("[red]markup", "5")]


@pytest.mark.parametrize("headers", [True, False])
def test_table_in_a_pipe_is_the_one_that_rich_draws(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], headers: bool
) -> None:
    terminal.use_color(terminal.Color.NEVER)
    formats.write_table(ROWS, COLUMNS, 0, headers=headers)
    plain = capsys.readouterr().out
    monkeypatch.setattr(terminal, "out_is_plain", lambda: False)
    formats.write_table(ROWS, COLUMNS, 0, headers=headers)
    assert plain == capsys.readouterr().out
    assert len(plain.splitlines()) == len(ROWS) + headers


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE"])
def test_colour_that_is_asked_for_is_left_to_rich(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    terminal.use_color(terminal.Color.AUTO)
    assert terminal.out_is_plain()
    monkeypatch.setenv(variable, "1")
    assert not terminal.out_is_plain()
    terminal.use_color(terminal.Color.NEVER)
    assert terminal.out_is_plain()
