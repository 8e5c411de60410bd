"""How rows are shown: formats, fields, columns, order."""

import json

import pytest
import yaml

from emp_cli.commands.spec import OBJECTS
from emp_cli.output.columns import JOBS
from emp_core.domain import json_fields
from emp_core.store import Store
from tests.cli.conftest import Command, Do
from tests.support.builders import register, submit


@pytest.fixture
def three_jobs(do: Do[object]) -> None:
    async def fill(store: Store) -> None:
        await register(store)
        await submit(store, id="low", priority=10, labels={"batch": "2"})
        await submit(store, id="high", priority=90, customer_id="acme")
        await submit(store, id="middle", priority=50, labels={"batch": "10", "note": "=1+1"})

    do(fill)


pytestmark = pytest.mark.usefixtures("three_jobs")


def test_quiet_prints_ids_and_nothing_else(emp: Command) -> None:
    assert emp("jobs", "-q").out == "high\nmiddle\nlow\n"
    assert emp("workers", "--quiet").out == "gpu1:0\n"
    assert emp("job", "hold", "low", "-q").out == "low\n"


def test_json_has_the_named_fields_in_their_order_and_dots_lead_into_them(emp: Command) -> None:
    said = emp("jobs", "--json", "priority,id,labels.batch,requirements.services")
    assert list(json.loads(said.out)[1].items()) == [
        ("priority", 50),
        ("id", "middle"),
        ("labels.batch", "10"),
        ("requirements.services", ["comfyui"]),
    ]
    assert emp("jobs", "--json", "id,labels.none", "-o", "csv").lines == ["id,labels.none", "high,", "middle,", "low,"]
    assert emp("jobs", "--json=id", "-o", "jsonl").lines[0] == '{"id": "high"}'


def test_json_alone_lists_the_fields_and_columns_alone_the_columns(emp: Command) -> None:
    assert [line.partition("\t")[0] for line in emp("jobs", "--json").lines] == ["schema_version", *json_fields.JOB]
    assert emp("workers", "--columns", "-o", "table").lines[:3] == ["worker", "state", "busy"]
    assert emp("jobs", "--json", "--limit", "1").lines[1].startswith("id\t")


def test_every_object_has_the_version_and_a_list_is_an_array_also_of_one(emp: Command) -> None:
    for words in (("jobs",), ("job", "low"), ("workers",), ("events",), ("job", "hold", "low"), ("audit",)):
        found = json.loads(emp(*words, "-o", "json").out)
        assert isinstance(found, list)
        assert {row["schema_version"] for row in found} == {json_fields.SCHEMA_VERSION}
    for words in (("summary",), ("explain", "low"), ("worker", "gpu1:0"), ("explain", "--worker", "gpu1:0")):
        assert json.loads(emp(*words, "-o", "json").out)["schema_version"] == json_fields.SCHEMA_VERSION


def test_yaml_says_what_json_says(emp: Command) -> None:
    for words in (("jobs",), ("worker", "gpu1:0"), ("events",), ("job", "low")):
        assert yaml.safe_load(emp(*words, "-o", "yaml").out) == json.loads(emp(*words, "-o", "json").out)


def test_columns_are_those_that_are_named_also_fields(emp: Command) -> None:
    said = emp("jobs", "--columns", "pri,JOB,labels.batch,requirements")
    assert said.lines[0].split() == ["PRI", "JOB", "LABELS.BATCH", "REQUIREMENTS"]
    assert said.lines[2].split() == ["50", "middle", "10", "services=comfyui"]
    assert emp("jobs", "--columns", "job", "--no-headers").lines == ["high", "middle", "low"]
    assert emp("jobs", "--no-headers").lines[0].startswith("high")


def test_wide_shows_more_columns_than_the_table(emp: Command) -> None:
    usual, wide = (emp("jobs", "-o", form).lines[0].split() for form in ("table", "wide"))
    assert set(usual) < set(wide)
    assert {column.name for column in JOBS.columns} >= set(wide)


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("job", ["high", "low", "middle"]),
        ("-job", ["middle", "low", "high"]),
        ("pri", ["high", "middle", "low"]),
        ("priority", ["low", "middle", "high"]),
        ("-priority", ["high", "middle", "low"]),
        ("labels.batch", ["middle", "low", "high"]),
        ("-labels.batch", ["low", "middle", "high"]),
        ("age", ["low", "high", "middle"]),
        ("customer", ["high", "middle", "low"]),
    ],
)
def test_sort_takes_columns_and_fields_and_puts_rows_without_a_value_last(
    emp: Command, name: str, order: list[str]
) -> None:
    assert emp("jobs", "--sort", name, "-q").lines == order


def test_sort_of_a_part_of_the_list_says_so(emp: Command) -> None:
    said = emp("jobs", "--sort", "priority", "--limit", "2", "-q")
    assert said.lines == ["middle", "high"]
    assert "only the 2 shown are sorted" in said.err
    assert "sorted" not in emp("jobs", "--sort", "priority", "-q").err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--json", "ids"), "json: has no 'ids'; did you mean id?"),
        (("--columns", "stat"), "columns: has no 'stat'; did you mean state?"),
        (("--sort", "prio"), "sort: has no 'prio'; did you mean priority?"),
        (("--columns", "job", "-o", "json"), "columns: are of tables, not of json"),
    ],
)
def test_name_that_is_unknown_exits_2_with_a_near_one(emp: Command, words: tuple[str, ...], told: str) -> None:
    said = emp("jobs", *words)
    assert (said.code, said.out) == (2, "")
    assert told in said.err


def test_every_object_has_the_fields_of_its_table(emp: Command) -> None:
    emp("job", "hold", "low")

    def one(*words: str) -> set[str]:
        found = json.loads(emp(*words, "-o", "json").out)
        return set(found[0] if isinstance(found, list) else found) - {"schema_version"}

    assert one("jobs") == set(OBJECTS["job"])
    assert one("workers") == set(OBJECTS["worker"])
    assert one("events") == set(OBJECTS["event"])
    assert one("audit") == set(OBJECTS["order"])
    assert one("summary") == set(OBJECTS["summary"])
    assert one("explain", "low") == set(OBJECTS["explanation"])
    assert one("explain", "--worker", "gpu1:0") == set(OBJECTS["worker_explanation"])


def test_spec_lists_every_command_with_its_options_and_exit_codes(emp: Command) -> None:
    found = json.loads(emp("--spec").out)
    commands = {each["command"]: each for each in found["commands"]}
    assert {"emp jobs", "emp job cancel", "emp worker start", "emp hub stop"} <= set(commands)
    (status,) = [each for each in commands["emp jobs"]["options"] if "--status" in each["names"]]
    assert (status["repeats"], "held" in status["choices"]) == (True, True)
    assert commands["emp jobs"]["prints"] == "job"
    assert found["exit_codes"]["8"] == "the wait timed out; the job continues"
