"""How autoscalers handle a day of requests: energy per request, late requests, and whether they settle.

    uv run python bench/autoscaling.py

bench/autoscaling_day.py simulates every request of the day. The tables are those of docs/kubernetes.md. CPU
utilisation is tuned twice, to as few late requests as energygate's autoscaler has: for the service as it was measured,
and for each service separately.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from autoscaling_day import Scaling, Seen, Service, a_day, simulate

from energygate.production.export.kubernetes_rules import MAX_GROWTH

if TYPE_CHECKING:
    from collections.abc import Sequence


def exported(measured: Service, *, growth: float = MAX_GROWTH, power: float = 0.5, name: str = "energygate") -> Scaling:
    """The autoscaler of `energygate export kubernetes`, made from what was measured."""
    target = measured.target_per_s()

    def by_latency_and_energy(seen: Seen) -> float:
        over_budget = max(seen.energy() / measured.budget_joules, 1.0)
        return seen.replicas_lately() * min((seen.p95() / measured.limit_s / over_budget) ** power, growth)

    return Scaling(name=name, totals=(lambda seen: seen.rate() / target, by_latency_and_energy))


def cpu(target: float, name: str = "CPU") -> Scaling:
    """Kubernetes' usual autoscaler."""
    return Scaling(name=f"{name} {target:.0%}", ratios=(lambda seen: seen.cpu_utilisation() / target,))


def plain(measured: Service) -> tuple[Scaling, ...]:
    """Energy and latency as metrics whose targets are their limits."""

    def energy(seen: Seen) -> float:
        return seen.energy() / measured.budget_joules

    def latency(seen: Seen) -> float:
        return seen.p95() / measured.limit_s

    return (
        Scaling(name="latency over limit", ratios=(latency,)),
        Scaling(name="energy over budget", ratios=(energy,)),
        Scaling(name="both", ratios=(energy, latency)),
    )


def as_late(service: Service, rates: Sequence[float], late: float) -> Scaling:
    """The CPU utilisation that makes as few requests late: the highest, to 1 %."""
    low, high = 20, 100
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if simulate(service, cpu(middle / 100), rates).late <= late else (low, middle)
    return cpu(low / 100, "CPU, tuned to be as late:")


def show(service: Service, scalings: Sequence[Scaling], rates: Sequence[float]) -> None:
    """Print a row for each."""
    for scaling in scalings:
        day = simulate(service, scaling, rates)
        print(
            f"  {scaling.name:36}{day.joules:7.2f} J{day.p95_s * 1e3:8.0f} ms{day.late:8.1%}"
            f"{day.replicas.mean():10.1f}{day.most:6}{day.changes:8}{day.turns:8}",
            flush=True,
        )


def main() -> None:
    """Print the tables of docs/kubernetes.md."""
    rates, measured = a_day(), Service()
    ours = exported(measured)
    print(f"target per replica: {measured.target_per_s():.1f} requests a second, of {1 / measured.mean_s:.0f} at most")
    print(f"  {'':36}{'J/request':>9}{'p95':>11}{'late':>8}{'replicas':>10}{'most':>6}{'changes':>8}{'turns':>8}")
    usual = as_late(measured, rates, simulate(measured, ours, rates).late)
    for title, service in {
        "as measured": measured,
        "idle threads spin for 40 ms": replace(measured, spin_s=0.040),
        "idle threads spin for 200 ms": replace(measured, spin_s=0.200),
        "requests take 30 % longer": replace(measured, mean_s=measured.mean_s * 1.3),
    }.items():
        print(title)
        tuned = as_late(service, rates, simulate(service, ours, rates).late)
        others = [cpu(0.6), replace(usual, name=usual.name.replace("be as late", "what was measured")), tuned]
        show(service, [ours, *others] if service is not measured else [ours, cpu(0.6), tuned], rates)
        if service is measured:
            unbounded = exported(measured, growth=100.0, name="energygate, unbounded")
            show(service, [*plain(measured), unbounded], rates)
        if service.mean_s > measured.mean_s:
            show(service, [exported(measured, power=1.0, name="energygate, without the root")], rates)


if __name__ == "__main__":
    main()
