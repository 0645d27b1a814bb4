"""Keys of programs, people, requests, and of the deployment itself."""

from __future__ import annotations

from refledger.store.keys.form import Key, _key


def program(program_id: str) -> Key:
    return _key("PROGRAMS", program_id)


def programs() -> str:
    return "PROGRAMS"


def program_version(program_id: str, version: int) -> Key:
    return _key(f"PROGRAM#{program_id}", f"VERSION#{version:06d}")


def program_versions(program_id: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key."""
    return f"PROGRAM#{program_id}", "VERSION#", "VERSION#~"


def program_change(program_id: str, change_id: str) -> Key:
    return _key(f"PROGRAM#{program_id}", f"CHANGE#{change_id}")


def program_changes(program_id: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key."""
    return f"PROGRAM#{program_id}", "CHANGE#", "CHANGE#~"


def program_change_id(version: int, digest: str) -> str:
    """Ids sort by the version of the program that was to be changed."""
    return f"{version:06d}{digest}"


def is_program(key: Key) -> bool:
    """Return whether it is the program as it is now, and not one of its versions."""
    return key["pk"] == programs()


def shards() -> Key:
    """Over how many shards payments are spread, and rewards of busy partners."""
    return _key("SHARDS")


def person(user: str) -> Key:
    """A person who acted, under the keyed hash by which everything else names them."""
    return _key(f"PERSON#{user}")


def people() -> str:
    """The list of everybody who acted under a name."""
    return "PEOPLE"


def api_key(key_id: str) -> Key:
    return _key(f"API_KEY#{key_id}")


def all_api_keys() -> str:
    return "API_KEYS"


def open_api_keys() -> str:
    """Return where those are that nobody has revoked."""
    return "OPEN_API_KEYS"


def request(hashed: str) -> Key:
    return _key(f"GUARD#REQUEST#{hashed}")


def answer(hashed: str) -> Key:
    """The results of a bulk call, for its repeat."""
    return _key(f"ANSWER#{hashed}")


def limit(caller: str, kind: str, minute: int) -> Key:
    return _key(f"LIMIT#{caller}#{kind}", str(minute))


def cursor(name: str) -> Key:
    return _key("SYSTEM", name)


def migration(name: str) -> Key:
    return _key("SYSTEM", f"MIGRATION#{name}")


def stopped() -> Key:
    """That the deployment is stopped."""
    return _key("SYSTEM", "STOPPED")
