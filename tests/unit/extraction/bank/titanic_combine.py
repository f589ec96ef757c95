# %% [markdown]
# # Titanic: train and test from two files, `combine = [train_df, test_df]`, loops over it
# label: Survived

# %%
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
from sklearn.linear_model import LogisticRegression

# %% tags=["nbprod:data"]
def passengers(seed, n):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        "PassengerId": np.arange(n) + 1000 * seed,
        "Name": rng.choice(["Kelly, Mr. James", "Wilkes, Mrs. J", "Roth, Miss. A", "Duff, Dr. W"], n),
        "Sex": rng.choice(["male", "female"], n),
        "Age": np.where(rng.random(n) < 0.2, np.nan, rng.normal(30, 12, n).round()),
        "SibSp": rng.integers(0, 3, n),
        "Parch": rng.integers(0, 3, n),
        "Ticket": "A/5",
        "Fare": rng.gamma(2, 15, n).round(2),
        "Embarked": rng.choice(["S", "C", "Q", None], n, p=[0.6, 0.2, 0.15, 0.05]),
    })


train_df = passengers(1, 100)
train_df["Survived"] = (train_df["Sex"] == "female").astype(int)
test_df = passengers(2, 40)
combine = [train_df, test_df]

# %%
train_df.info()
train_df[["Sex", "Survived"]].groupby(["Sex"], as_index=False).mean()

# %% tags=["nbprod:features"]
train_df = train_df.drop(["Ticket"], axis=1)
test_df = test_df.drop(["Ticket"], axis=1)
combine = [train_df, test_df]

# %% tags=["nbprod:features"]
for dataset in combine:
    dataset['Title'] = dataset.Name.str.extract(r' ([A-Za-z]+)\.', expand=False)

pd.crosstab(train_df['Title'], train_df['Sex'])

# %% tags=["nbprod:features"]
title_mapping = {"Mr": 1, "Miss": 2, "Mrs": 3, "Rare": 4}
for dataset in combine:
    dataset['Title'] = dataset['Title'].replace(['Dr', 'Rev'], 'Rare')
    dataset['Title'] = dataset['Title'].map(title_mapping)
    dataset['Title'] = dataset['Title'].fillna(0)

train_df.head()

# %% tags=["nbprod:features"]
train_df = train_df.drop(['Name', 'PassengerId'], axis=1)
test_df = test_df.drop(['Name', 'PassengerId'], axis=1)
combine = [train_df, test_df]
for dataset in combine:
    dataset['Sex'] = dataset['Sex'].map({'female': 1, 'male': 0}).astype(int)

# %% tags=["nbprod:fit"]
freq_port = train_df.Embarked.dropna().mode()[0]
age_medians = train_df.groupby("Title")["Age"].median()

# %% tags=["nbprod:features"]
for dataset in combine:
    dataset['Embarked'] = dataset['Embarked'].fillna(freq_port)
    dataset['Embarked'] = dataset['Embarked'].map({'S': 0, 'C': 1, 'Q': 2}).astype(int)
    for title in range(5):
        guess = age_medians.get(title, 28.0)
        dataset.loc[(dataset.Age.isnull()) & (dataset.Title == title), 'Age'] = guess
    dataset.loc[dataset['Age'] <= 16, 'Age'] = 0
    dataset.loc[(dataset['Age'] > 16) & (dataset['Age'] <= 32), 'Age'] = 1
    dataset.loc[dataset['Age'] > 32, 'Age'] = 2
    dataset['FamilySize'] = dataset['SibSp'] + dataset['Parch'] + 1

# %%
train_df["FamilySize"].hist()
plt.show()

# %% tags=["nbprod:features"]
X_train = train_df.drop("Survived", axis=1)
X_test = test_df.copy()

# %% tags=["nbprod:train"]
Y_train = train_df["Survived"]
logreg = LogisticRegression(max_iter=1000)
logreg.fit(X_train, Y_train)
acc_log = round(logreg.score(X_train, Y_train) * 100, 2)
acc_log

# %% tags=["nbprod:predict"]
Y_pred = logreg.predict(X_test)
submission = pd.DataFrame({
    "Title": test_df["Title"],
    "Survived": Y_pred,
})
# submission.to_csv('../output/submission.csv', index=False)

# %%
expected = {
    "rows": passengers(2, 40),
    "features": X_train,
    "predictions": submission[["Survived"]],
}
