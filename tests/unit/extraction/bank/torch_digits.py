# %% [markdown]
# # Digits: a torch module, a Dataset, and a training loop with evaluation in it
# label: digit

# %%
import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset
from tqdm.auto import tqdm

# %% tags=["parameters"]
epochs = 2
batch_size = 64
lr = 1e-3
seed = 0

# %% tags=["nbprod:data"]
digits = load_digits(as_frame=True)
images = digits.frame.rename(columns={"target": "digit"}).iloc[:300]

# %% tags=["nbprod:split"]
train_df = images.iloc[:220]
test_df = images.iloc[220:]

# %% tags=["nbprod:fit"]
pixel_max = float(train_df.drop(columns="digit").to_numpy().max())

# %% tags=["nbprod:features"]
X_train = train_df.drop(columns="digit") / pixel_max
X_test = test_df.drop(columns="digit") / pixel_max

# %% tags=["nbprod:train"]
device = torch.device("cpu")
torch.manual_seed(seed)


class Net(nn.Module):
    """Two layers are enough."""

    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.fc1 = nn.Linear(64, hidden)
        self.fc2 = nn.Linear(hidden, 10)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        return self.fc2(x)


model = Net().to(device)
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters(), lr=lr)

# %% tags=["nbprod:train"]
y_train = train_df["digit"]
dataset = TensorDataset(
    torch.tensor(X_train.values, dtype=torch.float32),
    torch.tensor(y_train.values, dtype=torch.long),
)
loader = DataLoader(dataset, batch_size=batch_size, shuffle=True)
losses = []

for epoch in tqdm(range(epochs)):
    model.train()
    running_loss = 0.0
    for xb, yb in loader:
        xb, yb = xb.to(device), yb.to(device)
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    losses.append(running_loss)
    print(f"epoch {epoch}: {running_loss:.3f}")

# %%
import matplotlib.pyplot as plt
plt.plot(losses)

# %% tags=["nbprod:predict"]
model.eval()
with torch.no_grad():
    logits = model(torch.tensor(X_test.values, dtype=torch.float32))
    predicted = logits.argmax(dim=1).numpy()

# %%
expected = {
    "features": X_train,
    "holdout_features": X_test,
    "predictions": pd.DataFrame({"digit": predicted}, index=X_test.index),
}
