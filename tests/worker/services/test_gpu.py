"""The cards that NVML tells of."""

from types import SimpleNamespace
from typing import Any

import pynvml
from pytest_mock import MockerFixture

from daemons.worker.services.gpu import Card, find_gpus, memory_of_gpus
from emp_core.domain.gpu_memory import Gpu


def test_a_machine_without_a_driver_has_none(mocker: MockerFixture) -> None:
    mocker.patch("pynvml.nvmlInit", side_effect=pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND))
    assert find_gpus() == ()


def test_the_cards_are_named_with_their_memory(mocker: MockerFixture) -> None:
    cards: list[Any] = [("NVIDIA GeForce RTX 4090", 25_757_220_864), ("NVIDIA H100", 85_520_809_984)]
    mocker.patch("pynvml.nvmlInit")
    shut_down = mocker.patch("pynvml.nvmlShutdown")
    mocker.patch("pynvml.nvmlDeviceGetCount", return_value=2)
    mocker.patch("pynvml.nvmlDeviceGetHandleByIndex", side_effect=lambda index: cards[index])
    mocker.patch("pynvml.nvmlDeviceGetName", side_effect=lambda card: card[0])
    mocker.patch("pynvml.nvmlDeviceGetMemoryInfo", side_effect=lambda card: SimpleNamespace(total=card[1], free=7))
    assert find_gpus() == (Card("NVIDIA GeForce RTX 4090", 25_757_220_864), Card("NVIDIA H100", 85_520_809_984))
    assert memory_of_gpus() == (Gpu(25_757_220_864, 7), Gpu(85_520_809_984, 7))
    assert shut_down.call_count == 2


def test_nvml_is_shut_down_where_a_card_does_not_answer(mocker: MockerFixture) -> None:
    mocker.patch("pynvml.nvmlInit")
    shut_down = mocker.patch("pynvml.nvmlShutdown")
    mocker.patch("pynvml.nvmlDeviceGetCount", side_effect=pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST))
    assert find_gpus() == ()
    shut_down.assert_called_once_with()
