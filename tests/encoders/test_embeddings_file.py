from __future__ import annotations

import pickle

import numpy as np
import pytest

from medsiam.encoders import load_embeddings, save_embeddings
from medsiam.errors import MedsiamError, OutputError, UsageError

EMBEDDINGS = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
PATHS = ["a/1.png", "a/2.png", "ü/3.nii.gz"]


def test_round_trip(tmp_path):
    target = tmp_path / "new" / "emb.npz"
    save_embeddings(target, PATHS, EMBEDDINGS)
    paths, embeddings = load_embeddings(str(target))
    assert paths == PATHS
    assert all(type(path) is str for path in paths)
    np.testing.assert_array_equal(embeddings, EMBEDDINGS)
    assert embeddings.dtype == np.float32
    assert [p.name for p in target.parent.iterdir()] == ["emb.npz"]


def test_plain_numpy_reads_it_without_pickle(tmp_path):
    save_embeddings(tmp_path / "emb", PATHS, EMBEDDINGS)  # the name is taken as given
    with np.load(tmp_path / "emb", allow_pickle=False) as archive:
        assert sorted(archive.files) == ["embeddings", "paths"]
        assert archive["paths"].dtype.kind == "U"


def test_no_rows_at_all(tmp_path):
    save_embeddings(tmp_path / "e.npz", [], np.empty((0, 4), np.float32))
    paths, embeddings = load_embeddings(tmp_path / "e.npz")
    assert (paths, embeddings.shape) == ([], (0, 4))


@pytest.mark.parametrize(
    ("paths", "embeddings", "words"),
    [
        (PATHS[:2], EMBEDDINGS, "2 paths for 3"),
        (PATHS, EMBEDDINGS[0], r"must be \(n, d\)"),
        (PATHS, np.full((3, 2), np.nan, np.float32), "NaN"),
    ],
)
def test_what_is_not_saved(tmp_path, paths, embeddings, words):
    with pytest.raises(UsageError, match=words):
        save_embeddings(tmp_path / "e.npz", paths, embeddings)
    assert not list(tmp_path.iterdir())


def test_where_it_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        save_embeddings(tmp_path / "file" / "e.npz", PATHS, EMBEDDINGS)


class Evil:
    def __reduce__(self):
        return (print, ("ran",))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"paths": np.array(PATHS)}, "not both in it"),
        ({"embeddings": EMBEDDINGS}, "not both in it"),
        ({"paths": np.array(PATHS), "embeddings": EMBEDDINGS.astype(np.float64)}, "float32"),
        ({"paths": np.array(PATHS), "embeddings": EMBEDDINGS[0]}, r"must be \(n, d\)"),
        ({"paths": np.array(PATHS[:1]), "embeddings": EMBEDDINGS}, "1 paths for 3"),
        ({"paths": np.arange(3), "embeddings": EMBEDDINGS}, r"must be \(n,\) strings"),
        ({"paths": np.array(PATHS, object), "embeddings": EMBEDDINGS}, "not an .npz"),
        ({"paths": np.array(PATHS), "embeddings": EMBEDDINGS * np.inf}, "NaN or infinite"),
    ],
)
def test_arrays_of_another_kind(tmp_path, arrays, words):
    np.savez(tmp_path / "e.npz", **arrays)
    with pytest.raises(MedsiamError, match=words):
        load_embeddings(tmp_path / "e.npz")


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04broken", pickle.dumps(Evil())])
def test_files_of_another_kind(tmp_path, content, capsys):
    (tmp_path / "e.npz").write_bytes(content)
    with pytest.raises(MedsiamError, match="as `medsiam embed` writes it"):
        load_embeddings(tmp_path / "e.npz")
    assert capsys.readouterr().out == ""


def test_a_single_array_and_a_missing_file(tmp_path):
    np.save(tmp_path / "e.npy", EMBEDDINGS)
    with pytest.raises(MedsiamError, match="as `medsiam embed` writes it"):
        load_embeddings(tmp_path / "e.npy")
    with pytest.raises(MedsiamError, match="no such file"):
        load_embeddings(tmp_path / "none.npz")
    with pytest.raises(MedsiamError, match="as `medsiam embed` writes it"):
        load_embeddings(tmp_path)


def test_a_truncated_file(tmp_path):
    save_embeddings(tmp_path / "e.npz", PATHS, EMBEDDINGS)
    whole = (tmp_path / "e.npz").read_bytes()
    for cut in (10, len(whole) // 2, len(whole) - 3):
        (tmp_path / "e.npz").write_bytes(whole[:cut])
        with pytest.raises(MedsiamError, match="as `medsiam embed` writes it"):
            load_embeddings(tmp_path / "e.npz")
