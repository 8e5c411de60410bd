"""The table of dimensions, row by row, and what a miss says."""

from dataclasses import replace
from typing import Any

import pytest

from emp_core.domain.capabilities import Capabilities
from emp_core.domain.job import JobRequest
from emp_core.domain.matching import DIMENSIONS, Miss, Verdict, fits, match, remedied
from emp_core.domain.nearest import NearMiss, nearest
from emp_core.domain.requirements import Requirements

Source = dict[str, Any]

FITS: list[tuple[str, Source, Source]] = [
    ("service", {"services": ["comfyui"]}, {"services": ["a1111", "comfyui"]}),
    ("service", {"services": ["a1111", "comfyui"]}, {"services": ["comfyui"]}),
    ("job type", {"job_type": "upscale"}, {}),
    ("job type", {"job_type": "upscale"}, {"job_types": ["upscale"]}),
    ("hardware", {"gpu_memory_gb": 24}, {"gpu_memory_gb": 25.7}),
    (
        "hardware",
        {"gpu_count": 2, "cpu_cores": 8, "ram_gb": 32, "disk_gb": 100},
        {"gpu_count": 2, "cpu_cores": 8, "ram_gb": 64, "disk_gb": 100},
    ),
    ("hardware", {"gpu_model": "4090"}, {"gpu_model": "NVIDIA GeForce RTX 4090"}),
    ("hardware", {"gpu_model": "nvidia*RTX ?090"}, {"gpu_model": "NVIDIA GeForce RTX 4090"}),
    ("models", {"services": ["comfyui"], "models": ["sdxl"]}, {"services": ["comfyui"]}),
    (
        "models",
        {"services": ["comfyui"], "models": ["sdxl"]},
        {"services": ["comfyui"], "models": {"comfyui": ["flux", "sdxl"]}},
    ),
    ("models", {"services": ["a", "b"], "models": ["m"]}, {"services": ["a", "b"], "models": {"a": [], "b": ["m"]}}),
    ("components", {"components": ["upscaler"]}, {}),
    ("components", {"components": ["upscaler"]}, {"components": ["upscaler"], "components_denied": ["other"]}),
    ("components", {"workflows": ["txt2img"]}, {"workflows": ["txt2img"]}),
    ("customer isolation", {"customer_id": "acme"}, {"isolation": "loose", "allowed_customers": ["other"]}),
    ("customer isolation", {"customer_id": "acme"}, {"isolation": "strict", "allowed_customers": ["acme"]}),
    (
        "customer isolation",
        {"customer_id": "acme", "isolation": "strict"},
        {"isolation": "strict", "allowed_customers": ["acme"]},
    ),
    ("customer isolation", {"customer_id": "acme", "isolation": "loose"}, {}),
    ("performance", {"quality_level": "fast", "max_minutes": 10}, {}),
    ("performance", {"quality_level": "fast", "max_minutes": 10}, {"quality_levels": ["fast"], "max_minutes": 10}),
    (
        "place",
        {"regions": ["eu-1", "eu-2"], "compliance": ["gdpr"]},
        {"region": "eu-2", "compliance": ["gdpr", "hipaa"]},
    ),
    ("cost", {"tiers": ["economy"], "max_rate_per_hour": 2}, {"tier": "economy", "rate_per_hour": 2}),
    ("cost", {"max_rate_per_job": 0.1}, {"rate_per_job": 0.05}),
    ("custom", {"custom": {"vram": {"free": 8}}}, {"extra": {"vram.free": 12}}),
    ("custom", {"custom": {"features": ["x"]}}, {"extra": {"features": ["x", "y"]}}),
    ("custom", {"custom": {"feature": "x"}}, {"extra": {"feature": ["x", "y"]}}),
    ("custom", {"custom": {"beta": True}}, {"extra": {"beta": True}}),
    ("custom", {"exclude": {"spot": True}}, {"extra": {"spot": False}}),
    ("custom", {"exclude": {"spot": True}}, {}),
]

MISSES: list[tuple[str, Source, Source, str]] = [
    ("service", {"services": ["comfyui"]}, {"services": ["a1111"]}, "service: needs comfyui, worker has a1111"),
    ("service", {"services": ["a1111", "comfyui"]}, {}, "service: needs a1111, comfyui, worker has none"),
    ("job type", {"job_type": "upscale"}, {"job_types": ["txt2img"]}, "job_type: needs upscale, worker has txt2img"),
    ("hardware", {"gpu_memory_gb": 24.5}, {"gpu_memory_gb": 24.9}, "gpu_memory_gb: needs 24.5 GB, worker has 24 GB"),
    ("hardware", {"gpu_count": 1}, {}, "gpu_count: needs 1, worker reports none"),
    ("hardware", {"gpu_model": "h100"}, {"gpu_model": "RTX 4090"}, "gpu_model: needs h100, worker has RTX 4090"),
    ("hardware", {"gpu_model": "rtx"}, {}, "gpu_model: needs rtx, worker reports none"),
    (
        "models",
        {"services": ["comfyui"], "models": ["sdxl"]},
        {"services": ["comfyui"], "models": {"comfyui": []}},
        "models: needs sdxl, worker has none",
    ),
    ("components", {"components": ["x", "y"]}, {"components": ["x"]}, "components: needs x, y, worker has x"),
    ("components", {"components": ["x"]}, {"components_denied": ["x"]}, "components: needs x, worker has all but x"),
    (
        "components",
        {"workflows": ["w"]},
        {"workflows": ["v", "w"], "workflows_denied": ["w"]},
        "workflows: needs w, worker has v",
    ),
    (
        "customer isolation",
        {"customer_id": "acme"},
        {"denied_customers": ["acme"]},
        "customer_id: worker denies customer acme",
    ),
    (
        "customer isolation",
        {},
        {"isolation": "strict"},
        "customer_id: job has no customer, worker serves only listed customers",
    ),
    (
        "customer isolation",
        {"customer_id": "acme"},
        {"isolation": "strict"},
        "customer_id: worker is strict and lists no customers",
    ),
    (
        "customer isolation",
        {"customer_id": "acme", "isolation": "strict"},
        {},
        "isolation: needs a strict worker, worker's isolation is none",
    ),
    (
        "performance",
        {"quality_level": "best"},
        {"quality_levels": ["fast"]},
        "quality_level: needs best, worker has fast",
    ),
    ("performance", {"max_minutes": 30}, {"max_minutes": 10}, "max_minutes: needs 30, worker has 10"),
    ("place", {"regions": ["eu-1"]}, {"region": "us-1"}, "regions: needs eu-1, worker has us-1"),
    ("place", {"regions": ["eu-1"]}, {}, "regions: needs eu-1, worker reports none"),
    (
        "place",
        {"compliance": ["gdpr", "hipaa"]},
        {"compliance": ["gdpr"]},
        "compliance: needs gdpr, hipaa, worker has gdpr",
    ),
    ("cost", {"tiers": ["economy"]}, {"tier": "premium"}, "tiers: needs economy, worker has premium"),
    ("cost", {"max_rate_per_hour": 2}, {"rate_per_hour": 2.5}, "max_rate_per_hour: needs 2, worker has 2.5"),
    ("cost", {"max_rate_per_hour": 2}, {}, "max_rate_per_hour: needs 2, worker reports none"),
    (
        "custom",
        {"custom": {"vram.free": 8}},
        {"extra": {"vram": {"free": 7}}},
        "custom.vram.free: needs 8, worker has 7",
    ),
    ("custom", {"custom": {"beta": True}}, {"extra": {"beta": 1}}, "custom.beta: needs True, worker has 1"),
    ("custom", {"custom": {"beta": [True]}}, {"extra": {"beta": [1]}}, "custom.beta: needs True, worker has 1"),
    ("custom", {"exclude": {"spot": True}}, {"extra": {"spot": True}}, "exclude.spot: needs not True, worker has True"),
    ("custom", {"exclude": {"load": 5}}, {"extra": {"load": 6}}, "exclude.load: needs not 5, worker has 6"),
]


def verdict(asked: Source, offered: Source) -> Verdict:
    return match(Requirements.parse(asked), Capabilities.parse(offered))


@pytest.mark.parametrize(("dimension", "asked", "offered"), FITS)
def test_fits(dimension: str, asked: Source, offered: Source) -> None:
    assert verdict(asked, offered) == Verdict()
    assert set(verdict(asked, offered).by_dimension()) == set(DIMENSIONS)


@pytest.mark.parametrize(("dimension", "asked", "offered", "sentence"), MISSES)
def test_misses(dimension: str, asked: Source, offered: Source, sentence: str) -> None:
    found = verdict(asked, offered)
    assert not found.ok
    assert [miss.sentence() for miss in found.misses] == [sentence]
    assert {name for name, misses in found.by_dimension().items() if misses} == {dimension}


def test_every_dimension_has_examples() -> None:
    assert {row[0] for row in FITS} == {row[0] for row in MISSES} == set(DIMENSIONS)


def test_a_job_type_asks_for_any_service_that_implements_it() -> None:
    asked = JobRequest.parse({"job_type": "txt2img"}).requirements
    assert match(asked, Capabilities.parse({"services": ["a1111"]})).ok
    assert match(asked, Capabilities.parse({"services": ["comfyui"]})).ok
    assert not match(asked, Capabilities.parse({"services": ["ollama"]})).ok


def test_totals_are_whole_gb_rounded_down_so_that_equal_machines_are_equal() -> None:
    one = Capabilities.parse({"gpu_memory_gb": 25.757, "ram_gb": 67.4, "disk_gb": 999.9})
    other = Capabilities.parse({"gpu_memory_gb": 25.01, "ram_gb": "67", "disk_gb": 999})
    assert one == other
    assert one.profile_id == other.profile_id
    assert (one.gpu_memory_gb, one.ram_gb, one.disk_gb) == (25, 67, 999)


def test_the_least_capable_and_then_the_cheapest_ranks_first() -> None:
    fleet: list[Source] = [
        {},
        {"ram_gb": 64, "rate_per_hour": 9},
        {"gpu_memory_gb": 8, "rate_per_hour": 0.5},
        {"gpu_memory_gb": 8, "rate_per_hour": 1},
        {"gpu_memory_gb": 8, "ram_gb": 1},
        {"gpu_memory_gb": 8, "gpu_count": 2},
        {"gpu_memory_gb": 80},
        {"gpu_memory_gb": 1e9, "gpu_count": 1e9, "ram_gb": 1e9, "rate_per_hour": 1e9},
    ]
    ranks = [Capabilities.parse(worker).rank for worker in fleet]
    assert ranks == sorted(set(ranks))
    assert float(ranks[-1]) == ranks[-1] < 2**53


def test_services_that_are_down_are_left_out_of_the_profile() -> None:
    offered = Capabilities.parse({"services": ["a1111", "comfyui"], "gpu_memory_gb": 24})
    assert offered.without_services(frozenset({"a1111"})) == Capabilities.parse(
        {"services": ["comfyui"], "gpu_memory_gb": 24}
    )


def test_a_gap_is_the_missing_share_or_the_count() -> None:
    def gap(asked: Source, offered: Source) -> float:
        return verdict(asked, offered).distance[1]

    assert gap({"gpu_memory_gb": 48}, {"gpu_memory_gb": 24}) == 0.5
    assert gap({"gpu_memory_gb": 48}, {}) == 1
    assert gap({"gpu_memory_gb": 0}, {}) == 1
    assert gap({"max_rate_per_hour": 3}, {"rate_per_hour": 4}) == 0.25
    assert gap({"compliance": ["a", "b"]}, {}) == 2
    assert gap({"custom": {"tags": ["a", "b", "c"]}}, {"extra": {"tags": ["a"]}}) == 2
    assert gap({"custom": {"score": 4}}, {"extra": {"score": 3}}) == 0.25


def test_remedy_for_one_of_several_services_adds_the_first() -> None:
    asked = Requirements.parse({"services": ["comfyui", "a1111"]})
    offered = Capabilities.parse({"services": ["ollama"]})
    added = set(remedied(offered, match(asked, offered)).services) - {"ollama"}
    assert added == {asked.services[0]}


def test_a_remedy_adds_to_lists_and_keeps_what_was_there() -> None:
    asked = Requirements.parse({"custom": {"tags": ["a"]}, "exclude": {"tags": ["b", "c"]}})
    offered = Capabilities.parse({"extra": {"tags": ["b", "c", "d"]}})
    assert remedied(offered, match(asked, offered)).extra == {"tags": ("a", "c", "d")}


def test_an_excluded_value_is_taken_away_or_brought_back_into_the_range() -> None:
    offered = Capabilities.parse({"extra": {"load": 12, "other": 1}})
    asked = Requirements.parse({"exclude": {"load": 10}})
    assert remedied(offered, match(asked, offered)).extra == {"other": 1}
    asked = Requirements.parse({"custom": {"load": 5}, "exclude": {"load": 10}})
    assert remedied(offered, match(asked, offered)).extra == {"load": 5, "other": 1}


def test_an_empty_list_that_must_be_there_is_a_change_too() -> None:
    near = near_misses({"custom": {"tags": []}}, {"gpu": {"extra": {}}})
    assert near == ["gpu would fit if extra.tags were none (reports none)"]


def near_misses(asked: Source, fleet: dict[str, Source], limit: int = 9) -> list[str]:
    offers = [(name, Capabilities.parse(offered)) for name, offered in fleet.items()]
    return [near.sentence() for near in nearest(Requirements.parse(asked), offers, limit)]


def test_the_nearest_misses_come_first_and_name_the_smallest_change() -> None:
    asked = {"services": ["comfyui"], "gpu_memory_gb": 48}
    fleet: dict[str, Source] = {
        "far": {"services": ["ollama"]},
        "fits": {"services": ["comfyui"], "gpu_memory_gb": 80},
        "small": {"services": ["comfyui"], "gpu_memory_gb": 12},
        "close": {"services": ["comfyui"], "gpu_memory_gb": 24},
        "other": {"services": ["a1111"], "gpu_memory_gb": 80},
    }
    assert near_misses(asked, fleet) == [
        "close would fit if gpu_memory_gb were 48 (has 24)",
        "small would fit if gpu_memory_gb were 48 (has 12)",
        "other would fit if services also had comfyui (has a1111)",
        "far would fit if services also had comfyui (has ollama) and gpu_memory_gb were 48 (reports none)",
    ]
    assert near_misses(asked, fleet, 1) == ["close would fit if gpu_memory_gb were 48 (has 24)"]


@pytest.mark.parametrize(
    ("asked", "offered", "gap"),
    [
        ({"services": ["a"]}, {"services": ["b"]}, 1),
        ({"job_type": "upscale"}, {"job_types": ["train"]}, 1),
        ({"ram_gb": 48}, {"ram_gb": 12}, 0.75),
        ({"ram_gb": 48}, {}, 1),
        ({"gpu_model": "h100"}, {"gpu_model": "l4"}, 1),
        ({"services": ["x"], "models": ["m", "n"]}, {"models": {"x": ["o"]}}, 2),
        ({"components": ["m", "n"]}, {"components": ["m"], "components_denied": ["m"]}, 2),
        ({"customer_id": "acme"}, {"denied_customers": ["acme"]}, 1),
        ({}, {"isolation": "strict"}, 1),
        ({"customer_id": "acme"}, {"isolation": "strict"}, 1),
        ({"customer_id": "acme", "isolation": "strict"}, {}, 1),
        ({"quality_level": "high"}, {"quality_levels": ["low"]}, 1),
        ({"max_minutes": 60}, {"max_minutes": 15}, 0.75),
        ({"regions": ["eu"]}, {"region": "us"}, 1),
        ({"compliance": ["gdpr", "soc2"]}, {}, 2),
        ({"tiers": ["spot"]}, {"tier": "reserved"}, 1),
        ({"max_rate_per_job": 1}, {"rate_per_job": 4}, 0.75),
        ({"max_rate_per_job": 1}, {}, 1),
        ({"custom": {"nvlink": 8}}, {"extra": {"nvlink": 2}}, 0.75),
        ({"custom": {"nvlink": 8}}, {"extra": {"nvlink": -20}}, 1),
        ({"custom": {"tags": ["m", "n"]}}, {"extra": {"tags": ["o"]}}, 2),
        ({"exclude": {"spot": True}}, {"extra": {"spot": True}}, 1),
    ],
)
def test_a_gap_is_the_missing_share_of_an_amount_or_the_count_of_missing_names(
    asked: Source, offered: Source, gap: float
) -> None:
    (miss,) = match(Requirements.parse(asked), Capabilities.parse({"services": ["x"], **offered})).misses
    assert miss.gap == gap


def test_a_near_miss_says_what_to_take_away() -> None:
    assert near_misses({"customer_id": "acme"}, {"gpu": {"denied_customers": ["acme", "b"]}}) == [
        "gpu would fit if denied_customers had no acme"
    ]
    assert near_misses({"exclude": {"spot": True}}, {"gpu": {"extra": {"spot": True}}}) == [
        "gpu would fit if extra.spot were not set (has True)"
    ]


def test_a_near_miss_is_also_there_for_machines() -> None:
    offered = Capabilities.parse({"services": ["c"], "models": {"c": ["x"]}})
    (near,) = nearest(Requirements.parse({"services": ["c"], "models": ["m"], "ram_gb": 8}), [("w", offered)], 1)
    assert isinstance(near, NearMiss)
    assert near.change() == {"models.c": ("m", "x"), "ram_gb": 8}
    assert isinstance(near.verdict.misses[0], Miss)


def test_many_stars_cost_no_more_than_few() -> None:
    """A pattern comes from a job, and is held against every worker by the hub and by the workers themselves."""
    asked = Requirements.parse({"gpu_model": "*" * 200 + "!"})
    assert not fits(asked, Capabilities.parse({"services": ["x"], "gpu_model": "NVIDIA GeForce RTX 4090" * 10}))


@pytest.mark.parametrize(("pattern", "model"), [("a[b]*", "A[b]c"), ("[!a]?", "[!a]b"), ("*]", "x]")])
def test_brackets_are_meant_as_they_are(pattern: str, model: str) -> None:
    offered = Capabilities.parse({"services": ["x"], "gpu_model": model})
    assert fits(Requirements.parse({"gpu_model": pattern}), offered)
    assert not fits(Requirements.parse({"gpu_model": pattern}), replace(offered, gpu_model="b"))
