# %% [markdown]
# # Comments, docstrings, blank lines, quotes and long texts stay as they are
# label: y

# %%
import pandas as pd

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 21), "z": [i % 3 for i in range(20)], "y": range(20)})

# %% tags=["nbprod:split"]
train, test = df[:15], df[15:]

# %% tags=["nbprod:lib"]
# How many of a thing
# make a dozen.
DOZEN = 12  # not thirteen

TEXT = '''a "text"
  with lines
'''


def  odd( values ,
          *, by = DOZEN ):   # spaces as they were
    '''Docstring in single quotes.

    With a second paragraph.
    '''
    # a comment that stands alone

    made = ( values
             % by )  # of each


    return made # the end


# %% tags=["nbprod:features"]
# what the model reads
X_train = pd.DataFrame( {'odd' : odd( train['x'] ), "len": len(TEXT)} ) # one

# and another
X_train[ 'twice' ] = X_train.odd*2
X_test = pd.DataFrame( {'odd' : odd( test['x'] ), "len": len(TEXT)} )
X_test[ 'twice' ] = X_test.odd*2

# %% tags=["nbprod:train"]
model = {"per_x": train["y"].sum() / X_train.to_numpy().sum()}

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": X_test.sum(axis=1) * model["per_x"]}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
