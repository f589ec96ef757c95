"""The whole road on real flights, on one machine: `nbprod demo`."""
