"""Prints the numbers that tests/nn/*_test.cpp hold against torch.

    python tests/reference/make_nn_goldens.py
"""
import torch

torch.set_printoptions(precision=9)
for name, make in {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.01),
}.items():
    w = torch.tensor([1.0, -2.0, 0.5], requires_grad=True)
    o = make([w])
    for step in range(3):
        w.grad = torch.tensor([0.5, -0.25, 1e-3]) * (step + 1)
        o.step()
    print(name, w.detach())

a, b = torch.zeros(2, requires_grad=True), torch.zeros(1, requires_grad=True)
a.grad, b.grad = torch.tensor([3.0, 4.0]), torch.tensor([12.0])
print("clip", torch.nn.utils.clip_grad_norm_([a, b], 6.5), a.grad, b.grad)

m = torch.nn.BatchNorm2d(2)
x = torch.arange(12.0).reshape(1, 3, 2, 2).permute(0, 3, 1, 2)  # NHWC 0..11
for _ in range(2):
    y = m(x * x)
print("batch_norm", m.running_mean, m.running_var, m.num_batches_tracked, y[0, :, 0, 0].detach())

for n in (5, 16, 21):
    torch.manual_seed(7)
    drawn = [torch.empty(3).uniform_(-0.5, 0.5)] + [torch.empty(n).normal_(0, 2) for _ in range(2)] + [torch.empty(2).uniform_(-0.5, 0.5)]
    print("random", n, [t.tolist() for t in drawn])
