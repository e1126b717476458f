"""The table of published models agrees with StarDist's, and forgives a wrong letter."""

from __future__ import annotations

import pytest

from bridge.model.published import PUBLISHED, find_published, suggest_name


@pytest.mark.model
def test_the_table_is_what_stardist_registers() -> None:
    pretrained = pytest.importorskip("csbdeep.models.pretrained")
    from stardist.models import StarDist2D, StarDist3D

    registered = {
        name: (pretrained.get_model_details(kind, name)[2], set(aliases[name]), n_dim)
        for kind, n_dim in ((StarDist2D, 2), (StarDist3D, 3))
        for names, aliases in [pretrained.get_registered_models(kind)]
        for name in names
    }

    assert registered == {
        model.name: (
            {"url": model.address, "hash": model.sha256},
            set(model.aliases),
            model.n_dim,
        )
        for model in PUBLISHED
    }


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("2D_versatile_fluo", "2D_versatile_fluo"),
        ("Versatile (fluorescent nuclei)", "2D_versatile_fluo"),
        ("Versatile (H&E nuclei)", "2D_versatile_he"),
        ("DSB 2018 (from StarDist 2D paper)", "2D_paper_dsb2018"),
        ("3D_demo", "3D_demo"),
    ],
)
def test_a_model_is_found_by_name_and_by_the_name_in_fijis_menu(asked: str, name: str) -> None:
    found = find_published(asked)

    assert found is not None
    assert found.name == name
    assert found.address.endswith(f"/python_{name}.zip")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2D_versatile_flou", "2D_versatile_fluo"),
        ("2d_versatile_fluo", "2D_versatile_fluo"),
        ("python_2D_versatile_he.zip", "2D_versatile_he"),
        ("versatile_fluo", "2D_versatile_fluo"),
        ("paper_dsb2018", "2D_paper_dsb2018"),
        ("Versatile (H&E)", "Versatile (H&E nuclei)"),
        ("our_modle", "our_model"),
        ("nowhere", None),
    ],
)
def test_a_misspelled_name_is_recognised(typed: str, meant: str | None) -> None:
    assert suggest_name(typed, ["our_model"]) == meant
