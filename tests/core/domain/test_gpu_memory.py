"""The text of the GPUs' memory in a beat."""

import pytest

from emp_core.domain.gpu_memory import MOST_GPUS, MOST_LOADED, STEP, Gpu, GpuMemory, memory_of


def test_memory_survives_its_text() -> None:
    memory = GpuMemory(gpus=(Gpu(24 * STEP, 3 * STEP),), loaded={"comfyui": ("a b", "c"), "ollama": ()})
    assert memory_of(memory.text()) == memory
    assert (memory.total, memory.free) == (24 * STEP, 3 * STEP)


def test_free_memory_is_told_in_steps() -> None:
    assert memory_of(GpuMemory(gpus=(Gpu(10**9, 2 * STEP + 7),)).text()).free == 2 * STEP


def test_long_lists_are_cut() -> None:
    memory = GpuMemory(gpus=(Gpu(1, 1),) * 100, loaded={"comfyui": tuple(map(str, range(100)))})
    found = memory_of(memory.text())
    assert (len(found.gpus), len(found.loaded["comfyui"])) == (MOST_GPUS, MOST_LOADED)


def test_no_text_is_no_memory() -> None:
    assert memory_of("") == GpuMemory()


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '{"gpus": 1, "loaded": {}}',
        '{"gpus": [[1]], "loaded": {}}',
        '{"gpus": [[1, "2"]], "loaded": {}}',
        '{"gpus": [[1, -2]], "loaded": {}}',
        '{"gpus": [], "loaded": {"comfyui": 1}}',
        '{"gpus": [], "loaded": {"comfyui": [1]}}',
    ],
)
def test_text_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="does not tell of GPU memory"):
        memory_of(text)
