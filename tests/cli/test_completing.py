"""What a shell offers."""

from tests.cli.conftest import Do, Shell
from tests.support.builders import register, submit
from tests.support.redis_server import Server


def offered(shell: Shell, line: str) -> list[str]:
    words = len(f"{line}x".split()) - 1
    shell.environ |= {"COMP_WORDS": line, "COMP_CWORD": str(words), "_EMP_COMPLETE": "complete_bash"}
    return shell().out.split()


def test_commands_options_and_choices(shell: Shell) -> None:
    assert {"jobs", "job", "submit"} <= set(offered(shell, "emp "))
    assert offered(shell, "emp jobs --unw") == ["--unworkable"]
    assert offered(shell, "emp jobs --status ca") == ["cancelling", "cancelled"]


def test_ids_of_jobs_and_workers(shell: Shell, do: Do[object]) -> None:
    do(lambda store: register(store))
    do(lambda store: submit(store, id="abc1"))
    do(lambda store: submit(store, id="xyz1"))
    assert offered(shell, "emp job show a") == ["abc1"]
    assert offered(shell, "emp worker pause ") == ["gpu1:0"]


def test_filter_of_workers_offers_fields_and_values_of_workers(shell: Shell, do: Do[object]) -> None:
    do(lambda store: register(store, machine="rack-7"))
    assert offered(shell, "emp worker pause --where mach") == ["machine:"]
    assert offered(shell, "emp worker drain --where status:pau") == ["status:paused"]
    assert offered(shell, "emp worker resume --where customer") == []
    assert offered(shell, "emp worker pause --where machine:") == ["machine:rack-7"]


def test_values_that_a_shell_acts_on_are_not_offered(shell: Shell, do: Do[object]) -> None:
    hostile = ["$(touch x)", "`touch x`", "a'b", 'a"b', "a\\b", "a!b"]
    for number, value in enumerate([*hostile, "plain"]):
        do(lambda store, number=number, value=value: submit(store, id=f"j{number}", labels={"note": value}))  # type: ignore[misc]
    shell.environ |= {"_EMP_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    shell.environ["_TYPER_COMPLETE_ARGS"] = "emp jobs --where label.note:"
    assert [line.partition("\t")[0] for line in shell().lines] == ["label.note:plain"]


def test_without_a_queue_it_is_silent(shell: Shell) -> None:
    shell.environ["REDIS_URL"] = "redis://127.0.0.1:1/0"
    assert offered(shell, "emp job show a") == []


def test_completion_leaves_an_empty_redis_empty(shell: Shell, server: Server) -> None:
    assert offered(shell, "emp job show a") == []
    assert server.client.keys("*") == []
