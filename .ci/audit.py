"""Ask an advisory service what is known of the locked packages: python .ci/audit.py

Fails where something is known that EXPLAINED doesn't answer, or where some of the packages couldn't be asked
about. Where the service can't be reached at all, it says that nothing was audited and doesn't fail: whether a
change is sound must not depend on a network. It asks about the packages that this Python would install.
"""

import json
import subprocess
import sys
from pathlib import Path

EXPLAINED: dict[str, str] = {}  # an advisory's identifier, and why it doesn't matter here
LOCK = Path(__file__).resolve().parent.parent / "requirements-lock.txt"


def explanation(advisory: dict) -> str | None:
    names = (advisory["id"], *advisory.get("aliases", []))
    return next((EXPLAINED[name] for name in names if name in EXPLAINED), None)


def main() -> int:
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--requirement",
        str(LOCK),
        "--require-hashes",
        "--disable-pip",
    ]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", "15"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        packages = []
    answers = [package for package in packages if "skip_reason" not in package]
    if not answers:
        last = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        reason = packages[0]["skip_reason"] if packages else last
        print(f"NOT AUDITED: the advisory service can't be reached from here ({reason[:200]})")
        return 0
    missing = [package["name"] for package in packages if "skip_reason" in package]
    known = [(package, advisory) for package in answers for advisory in package["vulns"]]
    for package, advisory in known:
        remedy = ", ".join(advisory["fix_versions"]) or "no version yet"
        why = explanation(advisory) or "NOT EXPLAINED"
        print(f"{package['name']} {package['version']}: {advisory['id']}, mended in {remedy}: {why}")
    print(f"audited {len(answers)} packages: {len(known)} advisories")
    if missing:
        print(f"not known to the service: {', '.join(missing)}")
    return int(bool(missing) or not all(explanation(advisory) for _, advisory in known))


if __name__ == "__main__":
    sys.exit(main())
