# %% [markdown]
# # Text: a vocabulary built by a loop, TfidfVectorizer beside it
# label: spam

# %%
import re
from collections import Counter, defaultdict

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.naive_bayes import MultinomialNB

# %% tags=["parameters"]
max_words = 12
min_count = 2

# %% tags=["nbprod:lib"]
STOP_WORDS = {"the", "a", "to", "of", "and"}
TOKEN = re.compile(r"[a-z]+")


def tokenize(text: str) -> list[str]:
    """Lower-case words without stop words."""
    return [token for token in TOKEN.findall(text.lower()) if token not in STOP_WORDS]


# %% tags=["nbprod:data"]
rng = np.random.default_rng(9)
words = ["win", "cash", "prize", "now", "meeting", "lunch", "report", "the", "a", "to", "free", "offer"]
messages = pd.DataFrame({
    "text": [" ".join(rng.choice(words, rng.integers(4, 12))) for _ in range(100)],
})
messages["spam"] = messages["text"].str.contains("free|prize").astype(int)

# %% tags=["nbprod:split"]
train, test = messages[:75], messages[75:]

# %% tags=["nbprod:fit"]
counts = Counter()
for text in train["text"]:
    counts.update(tokenize(text))

vocabulary = {}
for word, count in counts.most_common(max_words):
    if count < min_count:
        continue
    vocabulary[word] = len(vocabulary)
print(len(vocabulary), "words")

# %% tags=["nbprod:fit"]
vectorizer = TfidfVectorizer(tokenizer=tokenize, token_pattern=None, max_features=8)
vectorizer.fit(train["text"])

# %% tags=["nbprod:features"]
def bag_of_words(texts):
    rows = np.zeros((len(texts), len(vocabulary)), dtype=int)
    for row, text in enumerate(texts):
        for token in tokenize(text):
            if (index := vocabulary.get(token)) is not None:
                rows[row, index] += 1
    return rows


def make_features(frame):
    bag = pd.DataFrame(bag_of_words(frame["text"]), columns=list(vocabulary), index=frame.index)
    tfidf = pd.DataFrame(
        vectorizer.transform(frame["text"]).toarray(),
        columns=["tfidf_" + name for name in vectorizer.get_feature_names_out()],
        index=frame.index,
    )
    return bag.join(tfidf)


X_train = make_features(train)
X_test = make_features(test)

# %% tags=["nbprod:train"]
nb = MultinomialNB()
nb.fit(X_train, train.spam)

# %% tags=["nbprod:predict"]
y_hat = nb.predict(X_test)

# %%
expected = {
    "features": X_train,
    "holdout_features": X_test,
    "predictions": pd.DataFrame({"spam": y_hat}, index=X_test.index),
    "state": {"vocabulary": vocabulary},
}
