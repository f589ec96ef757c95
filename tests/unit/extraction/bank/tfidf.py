# %% [markdown]
# # Reviews: CountVectorizer and TfidfVectorizer give sparse arrays
# label: positive

# %%
import re
import string

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from sklearn.svm import LinearSVC

# %% tags=["nbprod:data"]
rng = np.random.default_rng(21)
good, bad = ["great", "lovely", "superb"], ["awful", "boring", "weak"]
rest = ["movie", "plot", "actor", "scene", "the", "a", "was", "very"]
reviews = pd.DataFrame({"positive": rng.integers(0, 2, 80)})
reviews["review"] = [
    " ".join(rng.choice((good if p else bad) + rest, 9)).capitalize() + "!" for p in reviews["positive"]
]

# %% tags=["nbprod:features"]
def clean(text):
    text = text.lower()
    text = re.sub(f"[{re.escape(string.punctuation)}]", " ", text)
    return re.sub(r"\s+", " ", text).strip()


reviews["clean"] = reviews["review"].apply(clean)
reviews["clean"].head()

# %% tags=["nbprod:split"]
X_train, X_test, y_train, y_test = train_test_split(
    reviews["clean"], reviews["positive"], test_size=0.25, random_state=0
)

# %% tags=["nbprod:features"]
tfidf = TfidfVectorizer(ngram_range=(1, 1), min_df=2)
X_train_tfidf = tfidf.fit_transform(X_train)
X_test_tfidf = tfidf.transform(X_test)
print(X_train_tfidf.shape)

# %% tags=["nbprod:train"]
svc = LinearSVC(random_state=0)
svc.fit(X_train_tfidf, y_train)

# %% tags=["nbprod:predict"]
y_pred = svc.predict(X_test_tfidf)
f1_score(y_test, y_pred)

# %%
expected = {
    "features": pd.DataFrame(
        X_train_tfidf.toarray(), columns=tfidf.get_feature_names_out(), index=X_train.index
    ),
    "predictions": pd.DataFrame({"positive": y_pred}, index=X_test.index),
}
