"""What the judge has found, as sums over cycles."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Findings:
    """`wrong` says in words what was not as it should be; whatever is counted is in it too."""

    cycles: int = 0
    kills: int = 0
    lost: int = 0
    double_effects: int = 0
    double_messages: int = 0
    integrity_ok: bool = True
    points: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Findings") -> None:
        self.cycles += other.cycles
        self.kills += other.kills
        self.lost += other.lost
        self.double_effects += other.double_effects
        self.double_messages += other.double_messages
        self.integrity_ok &= other.integrity_ok
        self.points |= other.points
        self.wrong += other.wrong

    def judge_number(self, number: int, expected: int, what: str) -> None:
        if number != expected:
            self.wrong.append(f"{number} {what} and not {expected}")
