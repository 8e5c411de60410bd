"""Names that servers and jobs give to files."""

import pytest

from emp_core.domain.file_names import safe_name, safe_path, same_place


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("out_00001_.png", "out_00001_.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\x.png", "x.png"),
        ("..", "file"),
        ("", "file"),
        ("a/", "file"),
        (".hidden", "hidden"),
        ('a"b\r\nc.png', "a_b__c.png"),
        ("\x1b[31mred.png", "_[31mred.png"),
        ("gnp.\u202eexe", "gnp._exe"),
        ("x" * 300 + ".png", "x" * 146 + ".png"),
        ("x" * 300, "x" * 150),
        ("画像.png", "画像.png"),
        ("half\ud800.png", "half_.png"),
        ("画" * 300 + ".png", "画" * 48 + ".png"),
        ("NUL", "_NUL"),
        ("com1.txt", "_com1.txt"),
        ("console.txt", "console.txt"),
    ],
)
def test_a_name_is_made_safe_and_keeps_its_suffix(given: str, kept: str) -> None:
    assert safe_name(given) == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("sub/out_00001_.png", "sub/out_00001_.png"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\temp\\x.png", "C_/temp/x.png"),
        ("a/../../b.png", "a/b.png"),
        ("./a//b.png", "a/b.png"),
        ("aux/b.png", "_aux/b.png"),
        ("..", "file"),
        ("", "file"),
        ("1/2/3/4/5/6/7.png", "2/3/4/5/6/7.png"),
        ("a\x00/b\n.png", "a_/b_.png"),
    ],
)
def test_a_path_is_made_safe_and_relative(given: str, kept: str) -> None:
    assert safe_path(given) == kept


def test_names_that_some_file_system_takes_for_one_are_the_same_place() -> None:
    assert same_place("A\u0308.PNG") == same_place("\u00e4.png")
