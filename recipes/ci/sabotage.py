"""Break this project in one known way and see where the road stops: python sabotage.py NAME.

Each function does what a tired colleague, or a bad one, might do. `expected.json` of the recipe
says which stage must stop it and with which exit code.
"""

import json
import subprocess
import sys
from pathlib import Path

TRAIN = Path("notebooks/train.ipynb")
DATA = Path("data/parcels.csv")
GATE = Path("notebooks/gates/quality.ipynb")


def edit(notebook, cell_id, change):
    """Rewrite the source of one cell."""
    content = json.loads(notebook.read_text())
    cell = next(cell for cell in content["cells"] if cell["id"] == cell_id)
    cell["source"] = change("".join(cell["source"])).splitlines(keepends=True)
    notebook.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def edit_training(cell_id, change):
    """Rewrite a cell of the training notebook and bring the module along, as one does before a commit."""
    edit(TRAIN, cell_id, change)
    subprocess.run([sys.executable, "-m", "nbprod", "extract"], check=True, stdout=subprocess.DEVNULL)


def newest(pattern):
    """The newest file of the store that a pattern fits."""
    return sorted(Path(".nbprod").glob(pattern))[-1]


def skewed_transform():
    """A feature that depends on whichever rows come together."""
    edit_training("features", lambda s: s.replace('frame["km"] / far', 'frame["km"] / frame["km"].mean()'))


def leaked_label():
    """A feature that already knows what happened."""
    edit_training("features", lambda s: s.replace('frame["kg"] / heavy', 'frame["kg"] / heavy + 0.5 * frame["late"]'))


def worse_model():
    """A model that is told nothing but noise."""
    edit_training("train", lambda s: s.replace("model.fit(X_train, y_train)", "model.fit(X_train * 0, y_train)"))


def bad_slice():
    """A model that is good on the whole, and answers the south at random."""
    wrong = """    south = frame["region"] == "south"
    result.loc[south, ["distance", "weight"]] *= -1.0
    return result"""
    edit_training("features", lambda s: s.replace("    return result", wrong))


def broken_schema():
    """Weights that became grams one night."""
    rows = [line.split(",") for line in DATA.read_text().splitlines()]
    heavier = [[i, km, str(round(float(kg) * 1000)), *rest] for i, km, kg, *rest in rows[1:]]
    DATA.write_text("".join(",".join(row) + "\n" for row in [rows[0], *heavier]))


def gate_without_checks():
    """A gate notebook whose checks were commented out, for now."""
    for cell in ("overall", "regions"):
        edit(GATE, cell, lambda s: "\n".join(f"# {line}" for line in s.splitlines()))


def always_passing_gate():
    """A check that is always right."""
    always = 'nbprod.check("auc", 0.95, ">= 0.8", rows=len(rows), sabotage="shuffled_labels")'
    edit(GATE, "overall", lambda _: always)


def edited_verdict():
    """A verdict helped along by hand."""
    path = newest("gates/*/record.json")
    record = json.loads(path.read_text())
    record["record"]["checks"][0]["value"] = 0.99
    path.write_text(json.dumps(record))


def swapped_model_file():
    """Another model under the candidate's name, after the gate."""
    path = newest("runs/*/bundle/model/*")
    path.write_bytes(path.read_bytes()[::-1])


def unapproved_high_risk():
    """Nothing is broken; only nobody has said yes."""


def unknown_parameter():
    """A slip of the pen; the script is given TRAIN_PARAMETERS='regularization 0.1'."""


def secret_in_output():
    """A token printed while looking for something else."""
    edit(GATE, "predict", lambda s: s + '\nprint("pushing with ghp_" + "4fJ9" * 9)')


SABOTAGES = (
    skewed_transform, leaked_label, worse_model, bad_slice, broken_schema, gate_without_checks,
    always_passing_gate, edited_verdict, swapped_model_file, unapproved_high_risk, unknown_parameter,
    secret_in_output,
)

if __name__ == "__main__":
    known = {function.__name__: function for function in SABOTAGES}
    if len(sys.argv) != 2 or sys.argv[1] not in known:
        sys.exit(f"python sabotage.py NAME, one of: {', '.join(known)}")
    known[sys.argv[1]]()
