"""The sources of the vCPU power table: derives each row from published numbers and checks the table against them.

uv run python bench/vcpu_power.py
"""

from __future__ import annotations

import csv
import statistics
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, kw_only=True)
class Watts:
    """What one vCPU draws, and how that was derived."""

    idle: float
    full: float
    how: str


@dataclass(frozen=True, kw_only=True)
class Chip:
    """A processor by its vendor's specification: thermal design power over logical CPUs."""

    name: str
    tdp_watts: float
    threads: int

    @property
    def watts_per_thread(self) -> float:
        """Of the chip alone."""
        return self.tdp_watts / self.threads


COEFFICIENTS = {
    "AMD EPYC 1st generation": (0.82265625, 2.553125),
    "AMD EPYC 2nd generation": (0.4742621527777778, 1.6929615162037037),
    "AMD EPYC 3rd generation": (0.44538981119791665, 2.0193277994791665),
    "Intel Sandy Bridge": (2.1694411458333334, 8.575357663690477),
    "Intel Ivy Bridge": (3.0369270833333335, 8.248611111111112),
    "Intel Broadwell": (0.7128342245989304, 3.6853275401069516),
    "Intel Skylake": (0.6446044454253452, 4.193436438541878),
    "Intel Cascade Lake": (0.6389493581523519, 3.9673047343937564),
    "desktop or laptop": (1.138425925925926, 5.421759259259258),
    "AWS Graviton2": (0.4742621527777778, 1.6929615162037037),
    "average server": (0.74, 3.54),
}
"""Idle and full watts per vCPU: Cloud Carbon Footprint, cloud-carbon-coefficients 2023-05, Azure's file, and AWS's for
Sandy Bridge, Ivy Bridge, Coffee Lake (desktop or laptop) and Graviton2 (there: as EPYC 2nd generation). The average is
its `MIN_WATTS_AVG` and `MAX_WATTS_AVG` for Azure."""

HASWELL_COEFFICIENT = (1.9005681818181814, 6.012910353535353)
"""Not used: of the 22 servers behind it five are E3 and desktop parts with four or eight threads, and the watts per
thread of the 22 scatter by 103 %. No cloud rents those out."""

XEON_E5_2699_V3 = (
    (271, 39), (272, 49.6), (289, 47.3), (302, 75.9), (272, 46.9), (264, 52.5),
    (273, 48.1), (264, 40), (267, 40.1), (287, 51.2), (266, 44.8), (276, 45),
)  # fmt: skip
"""SPECpower_ssj2008, every result of one node with two of them, 72 threads: watts at 100 % and at active idle."""

XEON_8380 = ((580, 131), (568, 132), (468, 110), (630, 123), (633, 118), (622, 101))
"""The same for the Ice Lake of the table, two of them, 160 threads."""

FLAGSHIPS = {
    "AMD EPYC 1st generation": Chip(name="EPYC 7601", tdp_watts=180, threads=64),
    "AMD EPYC 2nd generation": Chip(name="EPYC 7742", tdp_watts=225, threads=128),
    "AMD EPYC 3rd generation": Chip(name="EPYC 7763", tdp_watts=280, threads=128),
    "Intel Haswell": Chip(name="Xeon E5-2699 v3", tdp_watts=145, threads=36),
    "Intel Broadwell": Chip(name="Xeon E5-2699 v4", tdp_watts=145, threads=44),
    "Intel Skylake": Chip(name="Xeon Platinum 8180", tdp_watts=205, threads=56),
    "Intel Cascade Lake": Chip(name="Xeon Platinum 8280", tdp_watts=205, threads=56),
    "Intel Ice Lake": Chip(name="Xeon Platinum 8380", tdp_watts=270, threads=80),
}
"""The chips that most servers behind a generation's watts have: vendors' specifications."""

NEIGHBOURS = {
    "AMD EPYC 4th generation": (
        "AMD EPYC 3rd generation",
        Chip(name="EPYC 9654", tdp_watts=360, threads=192),
    ),
    "AMD EPYC 4th generation, dense": (
        "AMD EPYC 3rd generation",
        Chip(name="EPYC 9754", tdp_watts=360, threads=256),
    ),
    "AMD EPYC 4th generation, a vCPU is a core": (
        "AMD EPYC 3rd generation",
        Chip(name="EPYC 9654", tdp_watts=360, threads=96),
    ),
    "AMD EPYC 5th generation": (
        "AMD EPYC 3rd generation",
        Chip(name="EPYC 9655", tdp_watts=400, threads=192),
    ),
    "AMD EPYC 5th generation, dense": (
        "AMD EPYC 3rd generation",
        Chip(name="EPYC 9965", tdp_watts=500, threads=384),
    ),
    "AMD EPYC 5th generation, a vCPU is a core": (
        "AMD EPYC 3rd generation",
        Chip(name="EPYC 9655", tdp_watts=400, threads=96),
    ),
    "Intel Sapphire Rapids": (
        "Intel Ice Lake",
        Chip(name="Xeon Platinum 8480+", tdp_watts=350, threads=112),
    ),
    "Intel Emerald Rapids": (
        "Intel Ice Lake",
        Chip(name="Xeon Platinum 8592+", tdp_watts=350, threads=128),
    ),
    "Intel Granite Rapids": ("Intel Ice Lake", Chip(name="Xeon 6972P", tdp_watts=500, threads=192)),
    "Intel Sierra Forest": ("Intel Ice Lake", Chip(name="Xeon 6780E", tdp_watts=330, threads=144)),
}
"""Generations without coefficients: the neighbour they are scaled like, and a chip the size that clouds use."""

ALTRA = Chip(name="Ampere Altra Q80-30", tdp_watts=210, threads=80)
ALTRA_MAX = Chip(name="Ampere Altra Max M128-30", tdp_watts=250, threads=128)
GRACE = Chip(name="NVIDIA Grace superchip, memory included", tdp_watts=500, threads=144)
"""Arm chips with a published power: the clouds publish none of their own. A vCPU is a core there."""

MAC_MINI_IDLE_WATTS = 6.8
"""Mac mini (M1, 2020): Apple, "Mac mini power consumption and thermal output"; its maximum, graphics included: 39 W."""

M1_CPU_WATTS = (20, 24)
"""All eight cores at work: AnandTech, "The 2020 Mac Mini Unleashed", 2020-11-17."""

ECO_CI = {
    "GitHub runner, 4 vCPU, EPYC 7763": ("AMD EPYC 3rd generation", 4, 1.7586, 8.1796),
    "GitLab runner, 2 vCPU, EPYC 7B12": ("AMD EPYC 2nd generation", 2, 1.0641, 4.4093),
    "GitHub runner, 3 vCPU, Apple M1": ("Apple silicon", 3, 4.4457, 15.5289),
}
"""Family, vCPUs, idle and full watts: Eco-CI energy estimation v5, 2026-06, output of its own model."""


SCATTER = {
    "AMD EPYC 1st generation": 0.257,
    "AMD EPYC 2nd generation": 0.088,
    "AMD EPYC 3rd generation": 0.106,
    "Intel Sandy Bridge": 0.294,
    "Intel Ivy Bridge": 0.433,
    "Intel Broadwell": 0.387,
    "Intel Skylake": 0.196,
    "Intel Cascade Lake": 0.151,
    "desktop or laptop": 0.304,
}
"""Standard deviation over mean of the full watts per thread of the SPECpower results behind each coefficient: so much
may another server of the family differ. A row's uncertainty is no less, and no less than 30 %."""


def derived() -> dict[str, Watts]:
    """Every row's watts."""
    rows = {
        family: Watts(idle=idle, full=full, how="Cloud Carbon Footprint")
        for family, (idle, full) in COEFFICIENTS.items()
    }
    rows["Intel Haswell"] = measured_servers(XEON_E5_2699_V3, threads=72)
    rows["Intel Ice Lake"] = measured_servers(XEON_8380, threads=160)
    for family, (neighbour, chip) in NEIGHBOURS.items():
        rows[family] = scaled(chip, like=rows[neighbour], flagship=FLAGSHIPS[neighbour])
    factor, idle_share = typical(rows)
    altra, altra_max, grace = (
        Watts(
            idle=idle_share * factor * chip.watts_per_thread,
            full=factor * chip.watts_per_thread,
            how=f"{chip.name}: {chip.tdp_watts:g} W / {chip.threads} x {factor:.3f}",
        )
        for chip in (ALTRA, ALTRA_MAX, GRACE)
    )
    rows["Arm Neoverse-N1"] = mean_of({"Graviton2": rows["AWS Graviton2"], "Altra": altra, "Altra Max": altra_max})
    rows["Arm Neoverse-N2 or N3"] = altra_max
    rows["Arm Neoverse-V"] = mean_of({"Graviton2": rows["AWS Graviton2"], "Grace": grace})
    rows["Apple silicon"] = Watts(
        idle=MAC_MINI_IDLE_WATTS / 8,
        full=statistics.fmean(M1_CPU_WATTS) / 8,
        how="Mac mini (M1) over 8 cores",
    )
    for vendor, members in vendors().items():
        rows[f"{vendor}, any generation"] = mean_of({family: rows[family] for family in members})
    return rows


def measured_servers(results: tuple[tuple[float, float], ...], *, threads: int) -> Watts:
    """The mean over published servers, as Cloud Carbon Footprint takes it."""
    return Watts(
        idle=statistics.fmean(idle for _, idle in results) / threads,
        full=statistics.fmean(full for full, _ in results) / threads,
        how=f"mean of {len(results)} SPECpower results over {threads} threads",
    )


def scaled(chip: Chip, *, like: Watts, flagship: Chip) -> Watts:
    """Scale watts per thread as those of a neighbour with known watts are to its own TDP per thread."""
    factor = like.full / flagship.watts_per_thread
    full = chip.watts_per_thread * factor
    return Watts(
        idle=full * like.idle / like.full,
        full=full,
        how=f"{chip.name}: {chip.tdp_watts:g} W / {chip.threads} x {factor:.3f} ({flagship.name})",
    )


def typical(rows: dict[str, Watts]) -> tuple[float, float]:
    """Full watts over TDP per thread, and idle over full watts: means of the generations that have both."""
    factors = [rows[family].full / chip.watts_per_thread for family, chip in FLAGSHIPS.items()]
    return statistics.fmean(factors), statistics.fmean(rows[family].idle / rows[family].full for family in FLAGSHIPS)


def mean_of(members: dict[str, Watts]) -> Watts:
    """Take the mean where one row stands for several."""
    return Watts(
        idle=statistics.fmean(watts.idle for watts in members.values()),
        full=statistics.fmean(watts.full for watts in members.values()),
        how=f"mean of {', '.join(members)}",
    )


def vendors() -> dict[str, tuple[str, ...]]:
    """The server families that a vendor's row is the mean of: those with two threads on a core, or an Arm core."""
    return {
        "AMD": (*(f"AMD EPYC {nth} generation" for nth in ("1st", "2nd", "3rd", "4th", "5th")),),
        "Intel": (
            "Intel Haswell",
            "Intel Broadwell",
            "Intel Skylake",
            "Intel Cascade Lake",
            "Intel Ice Lake",
            "Intel Sapphire Rapids",
            "Intel Emerald Rapids",
            "Intel Granite Rapids",
        ),
        "Arm": ("Arm Neoverse-N1", "Arm Neoverse-N2 or N3", "Arm Neoverse-V"),
    }


def the_table() -> dict[str, tuple[float, float, float]]:
    """Idle watts, full watts and uncertainty by family, as shipped."""
    place = resources.files("energygate.measure") / "data" / "vcpu_power.csv"
    with place.open(encoding="utf-8") as lines:
        return {
            row["family"]: (float(row["idle_watts"]), float(row["full_watts"]), float(row["uncertainty"]))
            for row in csv.DictReader(lines)
        }


def main() -> None:
    """Print the derivations and the comparison, and check the table against them."""
    rows = derived()
    print(f"{'family':42} {'idle':>7} {'full':>7} {'4 vCPU':>14}  from")
    for family, watts in sorted(rows.items()):
        share = f"{4 * watts.idle:.1f} ... {4 * watts.full:.1f} W"
        print(f"{family:42} {watts.idle:7.4f} {watts.full:7.4f} {share:>14}  {watts.how}")
    table = the_table()
    shipped = {family: (idle, full) for family, (idle, full, _) in table.items()}
    assert shipped == {family: (round(watts.idle, 4), round(watts.full, 4)) for family, watts in rows.items()}, (
        "the table does not hold what this script derives"
    )
    for family, (_, _, uncertainty) in table.items():
        assert uncertainty >= max(0.3, SCATTER.get(family, 0.0)), f"{family} is less certain than that"

    print("\nfull watts over TDP per thread, where both are known")
    for family, chip in FLAGSHIPS.items():
        ratio = rows[family].full / chip.watts_per_thread
        print(f"{family:26} {chip.name:20} {chip.watts_per_thread:5.2f} W  x {ratio:.3f}")

    print("\nwatts of a whole runner, idle and full, and what Eco-CI says")
    for runner, (family, cpus, idle, full) in ECO_CI.items():
        ours = rows[family]
        print(
            f"{runner:34} {cpus * ours.idle:5.2f} {cpus * ours.full:6.2f}   Eco-CI {idle:5.2f} {full:6.2f}   "
            f"full {full / (cpus * ours.full) - 1:+.0%}, stated {table[family][2]:.0%}"
        )


if __name__ == "__main__":
    main()
