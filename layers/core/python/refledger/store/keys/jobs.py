"""Keys of jobs, and of the lines of imports."""

from __future__ import annotations

from refledger.store.keys.form import Key, _key


def job(job_id: str) -> Key:
    return _key(f"JOB#{job_id}")


def open_jobs_of(owner: str) -> Key:
    """The jobs of somebody that are, or were lately, open."""
    return _key(f"JOB#{owner}", "OPEN")


def job_lines(job_id: str, first_line: int) -> Key:
    """The results of an import's lines from this one on."""
    return _key(f"JOB#{job_id}", f"LINES#{first_line:07d}")


def job_lines_until(job_id: str, first_line: int) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of those that begin at this line or before."""
    return f"JOB#{job_id}", "LINES#", f"LINES#{first_line:07d}"


def job_lines_after(job_id: str, first_line: int) -> tuple[str, str, str]:
    return f"JOB#{job_id}", f"LINES#{first_line:07d}~", "LINES#~"


def jobs_of(owner: str, kind: str) -> str:
    """Jobs of a kind that a user (keyed hash) asked for."""
    return f"JOBS#{owner}#{kind}"


def open_jobs() -> str:
    return "OPEN_JOBS"
