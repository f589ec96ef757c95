"""What a row gets from its neighbours: statistics, categories and positions of the batch."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

# ---------------------------------------------------------------- NBP002: the batch


def refit_scaler(frame, state):
    from sklearn.preprocessing import StandardScaler

    values = StandardScaler().fit_transform(frame[["amount", "items"]])
    return pd.DataFrame(values, columns=["amount", "items"])


def refit_minmax(frame, state):
    low, high = frame["amount"].min(), frame["amount"].max()
    return pd.DataFrame({"amount": (frame["amount"] - low) / max(high - low, 1e-9)})


def refit_label_encoder(frame, state):
    from sklearn.preprocessing import LabelEncoder

    return pd.DataFrame({"city": LabelEncoder().fit_transform(frame["city"])})


def refit_tfidf(frame, state):
    from sklearn.feature_extraction.text import TfidfVectorizer

    matrix = TfidfVectorizer(vocabulary=["good", "bad", "late"], norm=None).fit_transform(
        frame["comment"]
    )
    return pd.DataFrame(matrix.toarray(), columns=["good", "bad", "late"])


def factorized(frame, state):
    return pd.DataFrame({"city": pd.factorize(frame["city"], sort=True)[0]})


def cut_into_equal_parts(frame, state):
    return pd.DataFrame({"bin": pd.cut(frame["amount"], 5, labels=False)})


def cut_by_quantile(frame, state):
    edges = np.unique(np.quantile(frame["amount"], [0.0, 0.25, 0.5, 0.75, 1.0]))
    return pd.DataFrame({"bin": np.digitize(frame["amount"], edges)})


def dummies_filled_up(frame, state):
    wide = pd.get_dummies(frame["city"], drop_first=True, dtype=int)
    return wide.reindex(columns=state.cities, fill_value=0)


def dummies_of_two(frame, state):
    return pd.get_dummies(frame[["city", "product", "items"]], dtype=float)


def share_of_total(frame, state):
    return pd.DataFrame({"share": frame["amount"] / frame["amount"].sum()})


def fill_with_mean(frame, state):
    return pd.DataFrame({"discount": frame["discount"].fillna(frame["discount"].mean()).fillna(0)})


def fill_by_group(frame, state):
    by_city = frame.groupby("city")["discount"].transform("median")
    return pd.DataFrame({"discount": frame["discount"].fillna(by_city).fillna(0.0)})


def merge_with_own_aggregate(frame, state):
    sums = frame.groupby("city", as_index=False)["amount"].sum()
    merged = frame[["city", "amount"]].merge(sums, on="city", suffixes=("", "_sum"), how="left")
    return merged[["amount", "amount_sum"]]


def outliers_of_batch(frame, state):
    low, high = frame["amount"].quantile([0.05, 0.95])
    return pd.DataFrame({"amount": frame["amount"].clip(low, high)})


def is_largest(frame, state):
    return pd.DataFrame({"largest": frame["amount"] == frame["amount"].max()})


def seen_twice(frame, state):
    return pd.DataFrame({"twice": frame["city"].duplicated(keep=False)})


def without_doubles(frame, state):
    return frame.drop_duplicates(subset=["city", "product"])[["amount", "items"]]


def rare_to_other(frame, state):
    counts = frame["city"].map(frame["city"].value_counts())
    return pd.DataFrame({"city": frame["city"].where(counts >= 8, "other")})


def softmax_down_the_column(frame, state):
    powers = np.exp(frame["amount"] - frame["amount"].max())
    return pd.DataFrame({"p": powers / powers.sum()})


def principal_axis(frame, state):
    values = frame[["amount", "items"]].to_numpy(dtype=float)
    centred = values - values.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return pd.DataFrame({"pc": np.abs(centred @ axes[0])})


def batch_norm(frame, state):
    import torch

    values = torch.tensor(frame[["amount", "items"]].to_numpy(dtype="float32"))
    layer = torch.nn.BatchNorm1d(2, affine=False, track_running_stats=False)
    if len(values) == 1:
        values = torch.cat([values, values])
        return pd.DataFrame(layer(values).numpy()[:1], columns=["a", "b"])
    return pd.DataFrame(layer(values).numpy(), columns=["a", "b"])


def unit_if_large(frame, state):
    grams = frame["amount"].max() > 200  # guesses the unit from the batch
    return pd.DataFrame({"kg": frame["amount"] / 1000 if grams else frame["amount"]})


def share_of_largest(frame, state):
    """The largest comes last, so the rows before it seem to look ahead."""
    return pd.DataFrame({"x": frame["n"] / frame["n"].max()})


def numbered(frame):
    return frame.assign(n=np.arange(1.0, len(frame) + 1))


def null_share(frame, state):
    return pd.DataFrame({"amount": frame["amount"], "holes": frame["discount"].isna().mean()})


def hundred_features(frame, state):
    """One of a hundred columns looks at the batch."""
    columns = {f"c{k:03d}": frame["amount"] * k for k in range(100)}
    columns["c077"] = frame["amount"] - frame["amount"].median()
    return pd.DataFrame(columns)


def lengths_of_batch(frame, state):
    width = frame["comment"].str.len().max()
    return pd.DataFrame({"text": frame["comment"].str.pad(width, fillchar=".")})


# ---------------------------------------------------------------- NBP003: the order


def moving_average(frame, state):
    return pd.DataFrame({"mean": frame["amount"].rolling(3, min_periods=1).mean()})


def difference_to_last(frame, state):
    return pd.DataFrame({"diff": frame["amount"].diff().fillna(0.0)})


def running_total(frame, state):
    return pd.DataFrame({"total": frame["amount"].cumsum()})


def exponential(frame, state):
    return pd.DataFrame({"ewm": frame["amount"].ewm(span=5).mean()})


def change_in_percent(frame, state):
    return pd.DataFrame({"change": frame["amount"].pct_change().fillna(0.0)})


def first_of_batch(frame, state):
    return pd.DataFrame({"relative": frame["amount"] / frame["amount"].iloc[0]})


def first_come(frame, state):
    return pd.DataFrame({"first": ~frame["city"].duplicated()})


def by_position(frame, state):
    return pd.DataFrame({"even": frame.reset_index().index % 2 == 0, "amount": frame["amount"]})


def sorted_for_merge(frame, state):
    rates = pd.DataFrame({"at": pd.to_datetime(["2026-01-01", "2026-02-15"]), "rate": [1.0, 1.1]})
    wide = frame.assign(at=pd.to_datetime(frame["at"])).sort_values("amount")
    rates["at"] = rates["at"].astype(wide["at"].dtype)
    return pd.merge_asof(wide.sort_values("at", kind="stable"), rates, on="at")[["amount", "rate"]][
        ::-1
    ]


def codes_in_order_of_coming(frame, state):
    return pd.DataFrame({"city": pd.factorize(frame["city"])[0]})


def groups_in_order(frame, state):
    return pd.concat([part[["amount"]] for _, part in frame.groupby("city")])


def dropout_by_seed(frame, state):
    rng = np.random.default_rng(42)
    return pd.DataFrame({"amount": frame["amount"] * (rng.random(len(frame)) > 0.1)})


def expanding_mean(frame, state):
    return pd.DataFrame({"mean": frame["amount"].expanding().mean()})


def lag_by_city(frame, state):
    return pd.DataFrame({"lag": frame.groupby("city")["amount"].shift(1).fillna(0.0)})


# ---------------------------------------------------------------- NBP007: names, order, types


def order_by_variance(frame, state):
    numbers = frame[["amount", "items"]].astype(float)
    spread = numbers.max() - numbers.iloc[0]
    return numbers[spread.sort_values().index]


def without_empty_columns(frame, state):
    return frame[["amount", "discount"]].dropna(axis=1, how="all")


def without_constant_columns(frame, state):
    numbers = frame[["amount", "items"]]
    return numbers.loc[:, numbers.max() > numbers.min()]


def narrowest_type(frame, state):
    return pd.DataFrame({"items": pd.to_numeric(frame["items"] * 20, downcast="integer")})


def ints_unless_null(frame, state):
    rate = frame["discount"].round(1) * 10
    return pd.DataFrame({"tenths": rate if rate.isna().any() else rate.astype("int64")})


def objects_if_mixed(frame, state):
    small = [value if value > 50 else "small" for value in frame["amount"]]
    return pd.DataFrame({"amount": small})


def categories_as_met(frame, state):
    return frame[["city"]].astype("category")


def whole_if_all_are_found(frame, state):
    far = pd.DataFrame({"city": ["Bern", "Oslo"], "far": [1, 9]})
    return frame[["city"]].merge(far, on="city", how="left")[["far"]].fillna(0)


def indicator_if_any(frame, state):
    out = frame[["amount"]].copy()
    if frame["discount"].isna().any():
        out["discount_missing"] = frame["discount"].isna()
    return out


# ---------------------------------------------------------------- clean


def _unmoved(frame, state):
    """Sorts for speed, then puts the rows back where they were."""
    ordered = frame.sort_values("amount", kind="stable")
    out = pd.DataFrame({"log": np.log1p(ordered["amount"])}, index=ordered.index)
    return out.loc[frame.index]


def joined_to_learned(frame, state):
    rates = pd.DataFrame({"city": list(state.rate), "rate": list(state.rate.values())})
    return frame[["city", "amount"]].merge(rates, on="city", how="left")[["amount", "rate"]]


def learned_fill(frame, state):
    return pd.DataFrame({"discount": frame["discount"].fillna(0.1)})


def fixed_dummies(frame, state):
    kinds = pd.CategoricalDtype(state.cities)
    return pd.get_dummies(frame["city"].astype(kinds), dtype=int)


def fixed_categories(frame, state):
    return pd.DataFrame({"city": frame["city"].astype(pd.CategoricalDtype(state.cities))})


def projected(frame, state):
    """A matrix product: BLAS may add up one row in another order than sixty."""
    values = frame[["amount", "items", "premium"]].to_numpy(dtype=float)
    names = [f"p{k}" for k in range(state.weights.shape[1])]
    return pd.DataFrame(values @ state.weights, columns=names)


def projected_narrow(frame, state):
    values = frame[["amount", "items", "premium"]].to_numpy(dtype="float32")
    return pd.DataFrame(values @ state.weights.astype("float32")).add_prefix("p")


def torch_layer(frame, state):
    import torch

    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 8)
    values = torch.tensor(frame[["amount", "items", "premium"]].to_numpy(dtype="float32"))
    with torch.no_grad():
        return layer(values / 100)


def distances_to_centres(frame, state):
    values = frame[["amount", "items"]].to_numpy(dtype=float)
    centres = np.array([[50.0, 2.0], [150.0, 4.0], [300.0, 6.0]])
    far = np.sqrt(((values[:, None, :] - centres[None]) ** 2).sum(axis=2))
    return pd.DataFrame(far).add_prefix("d").assign(nearest=far.argmin(axis=1))


def rank_within_the_row(frame, state):
    return frame[["amount", "items"]].rank(axis=1)


def grouped_but_by_row(frame, state):
    numbered = frame.assign(row=np.arange(len(frame)))
    summed = numbered.groupby("row")["amount"].sum()
    return pd.DataFrame({"amount": summed.to_numpy()})


def exploded_and_back(frame, state):
    words = frame["comment"].str.split().explode()
    return pd.DataFrame({"letters": words.str.len().groupby(level=0).sum()})


def sparse_matrix(frame, state):
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(n_features=16, norm=None).transform(frame["comment"])


def scaled_to_unit_length(frame, state):
    values = frame[["amount", "items"]].to_numpy(dtype=float)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def quantile_by_learned_edges(frame, state):
    return pd.DataFrame({"bin": np.searchsorted([20.0, 80.0, 200.0], frame["amount"])})


def applied_in_chunks(frame, state):
    """Works through the rows seven at a time, to bound its memory."""
    parts = [frame.iloc[k : k + 7][["amount"]] * 2 for k in range(0, len(frame), 7)]
    return pd.concat(parts)


def in_threads(frame, state):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(3) as pool:
        return pd.DataFrame({"city": list(pool.map(str.lower, frame["city"]))})


def keeps_outliers(frame, state):
    if frame["amount"].max() > 1e6:  # would be told, never computed with
        raise ValueError("implausible amount")
    return frame[["amount"]].clip(0, 5000)


def _learned_pipeline():
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    from parity_bank.orders import orders

    steps = [
        ("city", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["city"]),
        ("number", StandardScaler(), ["amount", "items"]),
    ]
    return ColumnTransformer(steps).fit(orders())


def sklearn_pipeline(frame, state):
    return state.transform(frame)


multiplied = functools.partial(lambda frame, state, factor: frame[["amount"]] * factor, factor=1.5)

SKEWED = [
    ("NBP002", share_of_largest, {"rows": numbered}),
    *(
        ("NBP002", transform, {})
        for transform in (
            refit_scaler,
            refit_minmax,
            refit_label_encoder,
            refit_tfidf,
            factorized,
            cut_into_equal_parts,
            cut_by_quantile,
            dummies_filled_up,
            dummies_of_two,
            share_of_total,
            fill_with_mean,
            fill_by_group,
            merge_with_own_aggregate,
            outliers_of_batch,
            is_largest,
            seen_twice,
            without_doubles,
            rare_to_other,
            softmax_down_the_column,
            principal_axis,
            batch_norm,
            unit_if_large,
            null_share,
            hundred_features,
            lengths_of_batch,
        )
    ),
    *(
        ("NBP003", transform, {})
        for transform in (
            moving_average,
            difference_to_last,
            running_total,
            exponential,
            change_in_percent,
            first_of_batch,
            first_come,
            by_position,
            sorted_for_merge,
            codes_in_order_of_coming,
            groups_in_order,
            dropout_by_seed,
            expanding_mean,
            lag_by_city,
        )
    ),
    *(
        ("NBP007", transform, {})
        for transform in (
            order_by_variance,
            without_empty_columns,
            without_constant_columns,
            narrowest_type,
            ints_unless_null,
            objects_if_mixed,
            categories_as_met,
            indicator_if_any,
            whole_if_all_are_found,
        )
    ),
]
CLEAN = [
    *(
        (transform, {})
        for transform in (
            _unmoved,
            joined_to_learned,
            learned_fill,
            fixed_dummies,
            fixed_categories,
            projected,
            projected_narrow,
            torch_layer,
            distances_to_centres,
            rank_within_the_row,
            grouped_but_by_row,
            exploded_and_back,
            sparse_matrix,
            scaled_to_unit_length,
            quantile_by_learned_edges,
            applied_in_chunks,
            in_threads,
            keeps_outliers,
            multiplied,
        )
    ),
    (learned_fill, {"contract": True}),
    (fixed_dummies, {"contract": True}),
    (projected, {"contract": True}),
    (sklearn_pipeline, {"state": _learned_pipeline}),
    (sklearn_pipeline, {"state": _learned_pipeline, "contract": True}),
]
