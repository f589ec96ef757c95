# %% [markdown]
# # Magics of each kind, shell lines, help, displays, plots and expressions
# label: y

# %%
import matplotlib.pyplot as plt
from IPython.display import Markdown, display
from tqdm.notebook import tqdm

tqdm.pandas()

%matplotlib inline
%load_ext autoreload
import pandas as pd

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 21), "z": [i % 3 for i in range(20)], "y": range(20)})

# %% tags=["nbprod:split"]
train, test = df[:15], df[15:]

# %% tags=["nbprod:fit"]
%%time
centre = 0
for value in tqdm(train["x"], desc="rows"):
    centre += value / len(train)
centre

# %% tags=["nbprod:fit"]
%time spread = train["x"].std()
%timeit train["x"].std()
!echo learned
display(Markdown("**learned**"))
print(centre, spread)
train.describe()
train["x"].hist();

# %% tags=["nbprod:features"]
%%capture
X_train = (train[["x"]] - centre) / spread
X_test = (test[["x"]] - centre) / spread
X_train["z"] = train["z"].progress_map(lambda z: z + 1)
X_test["z"] = test["z"].progress_map(lambda z: z + 1)
X_train.head()
fig, ax = plt.subplots()
ax.plot(X_train["x"])
plt.show()

# %% tags=["nbprod:features"]
%%bash
ls

# %% tags=["nbprod:features"]
X_train?
if len(X_train) > 100:
    print("many")

# %% tags=["nbprod:train"]
model = {"per_x": train["y"].sum() / X_train.to_numpy().sum()}

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": X_test.sum(axis=1) * model["per_x"]}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
