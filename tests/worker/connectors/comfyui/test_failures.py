"""Classification: can another try help, who is to blame, what is kept."""

import json

import pytest

from daemons.simulation.comfyui import Answer, Faults, Options
from daemons.worker.connector import JobFailed
from daemons.worker.connectors.comfyui import outcome
from daemons.worker.connectors.comfyui.answers import Entry
from daemons.worker.connectors.comfyui.api import ErrorAnswer
from emp_core.domain.outcome import Blame, Failure
from tests.support.comfyui import Graph, Rig, failing, image, node, rig, samples, saved, workflow

SAMPLES = samples()


async def failure(inner: Rig, graph: Graph) -> Failure:
    with pytest.raises(JobFailed) as failed:
        await inner.run(graph)
    return failed.value.failure


def judged(sample: str) -> Failure:
    entry = {**SAMPLES[sample], "prompt": []}
    read = Entry.read({"p": entry}, "p")
    assert read is not None
    return outcome.ended_badly(read).failure


@pytest.mark.parametrize(
    ("sample", "code", "retryable", "blame"),
    [
        ("history d_fail_oom", "out_of_memory", True, Blame.BACKEND),
        ("history d_fail_runtime", "node_error", True, Blame.JOB),
        ("history d_fail_after_output", "node_error", False, Blame.JOB),
        ("history interrupted", "interrupted_by_other", True, Blame.JOB),
    ],
)
def test_recorded_failures(sample: str, code: str, retryable: bool, blame: Blame) -> None:
    found = judged(sample)
    assert (found.code, found.retryable, found.blame) == (code, retryable, blame)


def test_the_message_names_node_and_error_in_one_line() -> None:
    assert judged("history d_fail_oom").message == "TBFail (node 1): OutOfMemoryError: fake out of memory"


def test_inputs_of_the_node_are_not_kept_for_they_hold_prompts() -> None:
    detail = json.dumps(judged("history d_fail_oom").detail)
    assert "current_inputs" not in detail
    assert len(detail) < 16_384


@pytest.mark.parametrize(
    ("kind", "said", "code"),
    [
        ("RuntimeError", "CUDA out of memory. Tried to allocate", "out_of_memory"),
        ("RuntimeError", "CUDA error: device-side assert triggered", "device_error"),
        ("FileNotFoundError", "[Errno 2] No such file", "missing_file"),
        ("RuntimeError", "mat1 and mat2 shapes cannot be multiplied", "node_error"),
    ],
)
def test_errors_are_known_by_their_words(kind: str, said: str, code: str) -> None:
    error = {"exception_type": kind, "exception_message": said, "node_id": "1", "node_type": "X"}
    entry = Entry({}, False, (("execution_error", error),))
    assert outcome.ended_badly(entry).failure.code == code


def test_a_failure_without_a_reason_is_still_one() -> None:
    assert outcome.ended_badly(Entry({}, False, ())).failure.code == "node_error"


def test_long_hostile_texts_stay_within_their_limits() -> None:
    huge = "x" * 100_000
    error = {"exception_type": huge, "exception_message": huge, "node_id": huge, "traceback": [huge] * 9}
    found = outcome.ended_badly(Entry({}, False, (("execution_error", error),))).failure
    assert len(found.message) <= 500
    assert len(json.dumps(found.detail)) < 16_384
    errors = [{"type": huge, "message": huge, "details": huge}] * 500
    body = json.dumps({"error": {"message": huge}, "node_errors": {huge: {"class_type": huge, "errors": errors}}})
    refused = outcome.refused(ErrorAnswer(400, body.encode()))
    assert isinstance(refused, JobFailed)
    assert len(json.dumps(refused.failure.detail)) < 16_384


@pytest.mark.parametrize("version", ["0.3.64", "0.38.1"])
async def test_a_graph_that_the_server_refuses_fails_for_good(version: str) -> None:
    async with rig(Options(version=version)) as inner:
        found = await failure(inner, workflow("c_invalid_missing_input"))
        assert (found.code, found.retryable, found.blame) == ("validation", False, Blame.JOB)


async def test_a_refusal_names_the_node_and_what_is_wrong_with_it() -> None:
    async with rig() as inner:
        missing = await failure(inner, workflow("c_invalid_missing_input"))
        assert missing.message == "EmptyImage (node 1): Required input is missing: batch_size"
        assert missing.detail["problems"][0]["type"] == "required_input_missing"


async def test_a_server_error_at_the_post_is_permanent_once_it_is_sure_that_nothing_was_queued() -> None:
    async with rig(faults=Faults(answers={"/prompt": [Answer.ERROR]})) as inner:
        found = await failure(inner, saved(image()))
        assert (found.code, found.retryable) == ("validation", False)


async def test_a_graph_over_the_server_s_limit_fails_for_good() -> None:
    async with rig(Options(max_upload_bytes=1000)) as inner:
        found = await failure(inner, saved(node("TBText", text="x" * 1000, size=0)))
        assert (found.code, found.retryable) == ("too_large", False)


async def test_out_of_memory_frees_the_server_s_models_and_cache() -> None:
    async with rig() as inner:
        await inner.run(saved(image()), "a")
        found = await failure(
            inner,
            {**saved(image()), "7": failing("oom")["1"], "8": node("SaveImage", images=["7", 0], filename_prefix="x")},
        )
        assert found.code == "out_of_memory"
        again = await inner.run(saved(image()), "b")
        assert again.data["stats"]["cached_nodes"] == 0
