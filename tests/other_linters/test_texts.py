"""Whether configurations of other tools are what they were when a report was kept."""

from pathlib import Path

from backlint.other_linters.files import Files
from backlint.other_linters.texts import still_hold, summed, top_of


def test_a_report_holds_while_its_configurations_do(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    root = tmp_path / "service"
    root.mkdir()
    (tmp_path / "ruff.toml").write_text("line-length = 100\n", encoding="utf-8")
    files = Files(top_of(root))
    files.toml("ruff.toml")
    files.text("service/ruff.toml")
    top, sums = str(tmp_path), summed(files.looked_at)
    assert still_hold(root, top, sums)
    (root / "ruff.toml").write_text("", encoding="utf-8")
    assert not still_hold(root, top, sums)
    (root / "ruff.toml").unlink()
    assert still_hold(root, top, sums)
    (tmp_path / "ruff.toml").write_text("line-length = 120\n", encoding="utf-8")
    assert not still_hold(root, top, sums)


def test_a_report_ends_with_its_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    root = tmp_path / "service"
    root.mkdir()
    sums = summed({"ruff.toml": None})
    assert still_hold(root, str(tmp_path), sums)
    (root / ".git").mkdir()
    assert not still_hold(root, str(tmp_path), sums)
