# %% [markdown]
# # Arrays that go to torch: tensors, shapes and slices need arrays, requests need frames
# label: quality

# %%
import numpy as np
import pandas as pd
import torch
from torch import nn
from sklearn.preprocessing import StandardScaler

# %% tags=["parameters"]
seed = 1
n_epochs = 3

# %% tags=["nbprod:data"]
rng = np.random.default_rng(13)
wine = pd.DataFrame(rng.gamma(4, 2, (60, 3)).round(2), columns=["acid", "sugar", "salt"])
wine["quality"] = rng.normal(5, 1, 60)

# %% tags=["nbprod:split"]
train, test = wine[:45], wine[45:]

# %% tags=["nbprod:fit"]
cols = ["acid", "sugar", "salt"]
scaler = StandardScaler()
scaler.fit(train[cols])

# %% tags=["nbprod:features"]
X_train = scaler.transform(train[cols])
X_test = scaler.transform(test[cols])

# %% tags=["nbprod:train"]
torch.manual_seed(seed)
X = torch.tensor(X_train, dtype=torch.float32)
y = torch.tensor(train["quality"].values, dtype=torch.float32).reshape(-1, 1)

net = nn.Sequential(nn.Linear(X.shape[1], 8), nn.ReLU(), nn.Linear(8, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(n_epochs):
    opt.zero_grad()
    loss = ((net(X) - y) ** 2).mean()
    loss.backward()
    opt.step()

# %% tags=["nbprod:predict"]
net.eval()
with torch.inference_mode():
    y_hat = net(torch.tensor(X_test, dtype=torch.float32)).numpy().ravel()

# %%
expected = {
    "features": pd.DataFrame(X_train, columns=cols, index=train.index),
    "predictions": pd.DataFrame({"quality": y_hat}, index=test.index),
}
