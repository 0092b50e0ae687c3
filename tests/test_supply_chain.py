"""What the project is installed from: requirements with reasons, the lock, and what is said of an audit."""

import importlib.util
import json
import re
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK = (ROOT / "requirements-lock.txt").read_text(encoding="utf-8")


def requirements(name: str) -> list[tuple[Requirement, str]]:
    """Return each requirement of a file with what is said beside it, or above it."""
    rows, above = [], ""
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        text, _, reason = line.partition("#")
        if text.strip() and not text.startswith("-"):
            rows.append((Requirement(text), reason.strip() or above))
        above = reason.strip() if not text.strip() else above
    return rows


def pins() -> dict[str, list[str]]:
    """Return the locked versions of each package; several where they depend on Python's."""
    locked: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", LOCK, re.MULTILINE):
        locked.setdefault(canonicalize_name(name), []).append(version)
    return locked


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_has_a_bound_and_a_reason(name):
    for requirement, reason in requirements(name):
        assert {spec.operator for spec in requirement.specifier} & {">=", "=="}, requirement
        assert len(reason) > 9, requirement


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_the_lock_has_every_requirement_within_its_bounds(name):
    locked = pins()
    for requirement, _ in requirements(name):
        versions = locked[canonicalize_name(requirement.name)]
        assert all(version in requirement.specifier for version in versions), (requirement, versions)


def test_every_pin_has_hashes_and_no_host_or_path_is_named():
    blocks = re.split(r"\n(?=[\w.-]+==)", LOCK)[1:]
    assert len(blocks) > 100
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in LOCK
    assert not re.search(r"^\s*(-i|--index-url|--extra-index-url|--find-links|-f)\b", LOCK, re.MULTILINE)
    assert not re.search(r"#.*\s/\w+/", LOCK)


ADVISORY = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.0"]}
SOUND, SKIP = {"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "not there"}


@pytest.mark.parametrize(
    ("packages", "explained", "code", "says"),
    [
        ([SOUND], {}, 0, "audited 1 packages: 0 advisories"),
        ([SOUND | {"vulns": [ADVISORY]}], {}, 1, "PYSEC-1, mended in 2.0: NOT EXPLAINED"),
        ([SOUND | {"vulns": [ADVISORY]}], {"CVE-1": "not called"}, 0, "mended in 2.0: not called"),
        ([SOUND, SKIP], {}, 1, "not known to the service: b"),
        ([SKIP, SKIP], {}, 0, "NOT AUDITED"),
        (None, {}, 0, "NOT AUDITED"),
    ],
)
def test_an_audit_never_claims_what_it_didnt_do(packages, explained, code, says, monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    audit = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(audit)
    answer = "" if packages is None else json.dumps({"dependencies": packages})
    monkeypatch.setattr(audit, "EXPLAINED", explained)
    monkeypatch.setattr(
        subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1, answer, "no such host")
    )
    assert audit.main() == code
    assert says in capsys.readouterr().out
