"""Heads against loops written from the papers, pytorch-metric-learning, and properties."""

import math
from typing import Literal, get_args

import pytest
import torch
import torch.nn.functional as F
from pytorch_metric_learning import distances, losses

from facerec.params import Params
from facerec.recognition.head_params import HeadParams
from facerec.recognition.heads import (
    AdaFaceHead,
    ArcFaceHead,
    CEHead,
    CosFaceHead,
    Head,
    TripletHead,
    add_angle_clipped,
    add_angle_monotone,
    build_head,
)
from facerec.recognition.params import RecognizerEntry

E, K = 8, 5
UNION = get_args(get_args(HeadParams)[0])
ENTRIES = {
    "ce": {"label_smoothing": 0.1},
    "arcface": {"scale": 30.0, "margin": 0.5},
    "cosface": {"scale": 30.0, "margin": 0.35},
    "subcenter_arcface": {"scale": 30.0, "margin": 0.5, "sub_centers": 3},
    "adaface": {"scale": 30.0, "margin": 0.4, "h": 0.333, "t_alpha": 0.01},
    "triplet": {"margin": 0.2, "samples_per_class": 4},
    "arcface_triplet": {
        "scale": 30.0,
        "margin": 0.5,
        "triplet_margin": 0.2,
        "triplet_weight": 0.5,
        "samples_per_class": 4,
    },
}


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(12, E, generator=generator), torch.arange(12) % K


def settings_of(name):
    settings = {"type": name, **ENTRIES[name]}
    return RecognizerEntry.model_validate({"alignment": 5, "head": settings}).head


def make(name, seed=1):
    torch.manual_seed(seed)
    return build_head(settings_of(name), E, K)


def angle_between(a, b):
    return math.acos(
        max(
            -1.0,
            min(
                1.0, sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)
            ),
        )
    )


def softmax_loss(logits, label):
    top = max(logits)
    return top + math.log(sum(math.exp(x - top) for x in logits)) - logits[label]


def slow_arcface(embeddings, labels, weight, scale, margin):
    total = 0.0
    for x, y in zip(embeddings.tolist(), labels.tolist(), strict=True):
        angles = [angle_between(x, w) for w in weight.tolist()]
        logits = [scale * math.cos(a) for a in angles]
        beyond = angles[y] > math.pi - margin
        logits[y] = scale * (
            math.cos(angles[y]) - margin * math.sin(margin)
            if beyond
            else math.cos(angles[y] + margin)
        )
        total += softmax_loss(logits, y)
    return total / len(labels)


def slow_adaface(embeddings, labels, weight, scale, margin, h):
    norms = [min(max(math.hypot(*x), 0.001), 100) for x in embeddings.tolist()]
    mean = sum(norms) / len(norms)
    std = math.sqrt(sum((n - mean) ** 2 for n in norms) / (len(norms) - 1))
    total = 0.0
    for x, y, norm in zip(embeddings.tolist(), labels.tolist(), norms, strict=True):
        z = max(-1.0, min(1.0, (norm - mean) / (std + 1e-3) * h))
        angles = [angle_between(x, w) for w in weight.tolist()]
        logits = [scale * math.cos(a) for a in angles]
        moved = max(0.0, min(math.pi, angles[y] - margin * z))
        logits[y] = scale * (math.cos(moved) - (margin * z + margin))
        total += softmax_loss(logits, y)
    return total / len(labels)


@pytest.mark.parametrize("margin", [0.0, 0.5, 1.2, 2.5])
def test_arcface_is_the_papers_loop(batch, margin):
    head = ArcFaceHead(E, K, scale=30.0, margin=margin)
    embeddings, labels = batch
    expected = slow_arcface(embeddings, labels, head.weight.detach(), 30.0, margin)
    assert head(embeddings, labels).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("h", [0.333, 3.0])
def test_adaface_is_the_papers_loop(batch, h):
    head = AdaFaceHead(E, K, scale=30.0, margin=0.4, h=h, t_alpha=0.01)
    embeddings, labels = batch
    expected = slow_adaface(embeddings, labels, head.weight.detach(), 30.0, 0.4, h)
    assert head(embeddings, labels).item() == pytest.approx(expected, rel=1e-4)


def test_ce_is_the_papers_loop(batch):
    head, (embeddings, labels) = CEHead(E, K, label_smoothing=0.1), batch
    total = 0.0
    for x, y in zip(embeddings.tolist(), labels.tolist(), strict=True):
        rows = zip(head.linear.weight.tolist(), head.linear.bias.tolist(), strict=True)
        logits = [sum(a * b for a, b in zip(x, w, strict=True)) + bias for w, bias in rows]
        total += sum((0.9 * (k == y) + 0.1 / K) * softmax_loss(logits, k) for k in range(K))
    assert head(embeddings, labels).item() == pytest.approx(total / len(labels), rel=1e-5)


@pytest.mark.parametrize("sub_centers", [1, 3])
def test_arcface_agrees_with_pytorch_metric_learning(batch, sub_centers):
    head = ArcFaceHead(E, K, 30.0, 0.5, sub_centers)
    peer = losses.SubCenterArcFaceLoss(
        num_classes=K,
        embedding_size=E,
        margin=math.degrees(0.5),
        scale=30.0,
        sub_centers=sub_centers,
    )
    peer.W.data = head.weight.detach().T.clone()
    torch.testing.assert_close(head(*batch), peer(*batch), rtol=1e-4, atol=1e-4)


def test_triplet_is_batch_hard(batch):
    embeddings, labels = batch
    cosines = distances.CosineSimilarity()(embeddings, embeddings)
    violations = []
    for anchor in range(len(labels)):
        own = [
            cosines[anchor, i]
            for i in range(len(labels))
            if labels[i] == labels[anchor] and i != anchor
        ]
        others = [cosines[anchor, i] for i in range(len(labels)) if labels[i] != labels[anchor]]
        violations.append(max(others) - min(own) + 0.2)
    hard = torch.stack(violations).clamp(min=0)
    torch.testing.assert_close(TripletHead(E, K, 0.2, 4)(embeddings, labels), hard[hard > 0].mean())


def test_triplet_without_a_pair_is_zero_and_has_a_gradient():
    embeddings = torch.randn(4, E, requires_grad=True)
    loss = TripletHead(E, K, 0.2, 4)(embeddings, torch.arange(4))
    loss.backward()
    assert loss.item() == 0 and not embeddings.grad.any()


@pytest.mark.parametrize("name", ["triplet", "arcface_triplet"])
def test_a_person_alone_in_the_batch_is_no_anchor_but_somebody_to_stay_away_from(batch, name):
    embeddings, labels = F.normalize(batch[0][:5]).requires_grad_(), torch.tensor([0, 0, 1, 1, 2])
    head = make(name)
    triplet = head if name == "triplet" else head.triplet
    cosines = embeddings @ embeddings.T
    partner = [1, 0, 3, 2]
    others = [[i for i in range(5) if labels[i] != labels[anchor]] for anchor in range(4)]
    hard = torch.stack(
        [
            max(cosines[a, i] for i in others[a]) - cosines[a, partner[a]] + triplet.margin
            for a in range(4)
        ]
    ).clamp(min=0)
    torch.testing.assert_close(triplet(embeddings, labels), hard[hard > 0].mean())
    head(embeddings, labels).backward()
    assert embeddings.grad.isfinite().all()


@pytest.mark.parametrize("name", ["arcface", "cosface", "subcenter_arcface", "adaface"])
def test_zero_margin_is_scaled_cosine_softmax(batch, name):
    head, (embeddings, labels) = make(name), batch
    head.margin_share = 0.0
    torch.testing.assert_close(
        head(embeddings, labels), F.cross_entropy(30 * head.scores(embeddings), labels)
    )


@pytest.mark.parametrize(
    "name", ["arcface", "cosface", "subcenter_arcface", "adaface", "triplet", "arcface_triplet"]
)
def test_half_the_margin_lies_between(batch, name):
    head = make(name).eval()
    values = []
    for head.margin_share in (0.0, 0.5, 1.0):
        values.append(head(*batch).item())
    if name == "triplet":
        return  # a mean over the violating ones only need not rise
    assert values[0] < values[1] < values[2]


def test_arcface_falls_over_all_angles():
    angles = torch.linspace(0, math.pi, 2001, dtype=torch.float64)
    assert (add_angle_monotone(angles.cos(), 0.5).diff() < 0).sum() >= 1998


@pytest.mark.parametrize("angle", [-2.5, -0.5, -1e-3, 0.0, 1e-3, 0.5, 2.5])
def test_an_added_angle_ends_at_0_and_180_degrees(angle):
    angles = torch.linspace(0.01, math.pi - 0.01, 500, dtype=torch.float64)
    expected = [math.cos(min(max(theta + angle, 0.0), math.pi)) for theta in angles.tolist()]
    moved = add_angle_clipped(angles.cos(), torch.full_like(angles, angle))
    assert moved.tolist() == pytest.approx(expected, abs=1e-9)


def test_arcface_triplet_is_the_sum_of_both_weighted(batch):
    head = make("arcface_triplet")
    arcface = ArcFaceHead(E, K, 30.0, 0.5)
    arcface.load_state_dict(head.arcface.state_dict())
    expected = arcface(*batch) + 0.5 * TripletHead(E, K, 0.2, 4)(*batch)
    torch.testing.assert_close(head(*batch), expected)


@pytest.mark.parametrize("name", ENTRIES)
def test_a_head_names_its_samples_per_class(name):
    assert make(name).samples_per_class == ENTRIES[name].get("samples_per_class", 1)


def test_a_cosine_stays_between_minus_1_and_1_in_spite_of_rounding():
    torch.manual_seed(0)
    head = ArcFaceHead(13, 2000, 30.0, 0.5)
    unit = F.normalize(head.weight.detach())
    assert (unit * unit).sum(dim=1).max() > 1  # what there would be without care
    for sign in (1, -1):
        assert head.scores(sign * head.weight).abs().max() == 1


@pytest.mark.parametrize("name", ENTRIES)
def test_scores_have_no_margin(batch, name):
    """A face half-way to another person's weights still scores highest for its own person."""
    head, (embeddings, _) = make(name), batch
    scores = head.scores(embeddings)
    assert (scores is not None) == settings_of(name).has_scores
    if scores is None:
        return
    head.margin_share = 0.0
    torch.testing.assert_close(scores, head.scores(embeddings), rtol=0, atol=0)
    if hasattr(head, "linear"):
        expected = head.linear(embeddings)
    elif name == "cosface":
        expected = F.normalize(embeddings) @ F.normalize(head.cosface.W, dim=0)
    else:
        weight = (head.arcface if name == "arcface_triplet" else head).weight
        expected = (
            (F.normalize(embeddings) @ F.normalize(weight).T).view(len(embeddings), K, -1).amax(2)
        )
    torch.testing.assert_close(scores, expected)


def test_evaluating_with_the_margin_on_would_be_noticed():
    """Its own cosine leads by less than the margin: right without the margin, wrong with it."""
    head = ArcFaceHead(2, 2, scale=30.0, margin=0.5)
    head.weight.data = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    face = torch.tensor([[math.cos(0.7), math.sin(0.7)]])
    assert head.scores(face).argmax(dim=1).item() == 0
    with_margin = head.scores(face).clone()
    with_margin[0, 0] = add_angle_monotone(with_margin[0, :1], 0.5)[0]
    assert with_margin.argmax(dim=1).item() == 1


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("name", ENTRIES)
def test_gradient_is_finite_at_a_perfect_match(name, sign):
    head = make(name)
    weights = next((p for p in head.parameters() if p.dim() == 2), torch.eye(K, E))
    rows = weights.T if name == "cosface" else weights
    embeddings = (
        sign
        * rows.detach()[: K if name != "subcenter_arcface" else 3 * K : 3 if "sub" in name else 1]
    ).clone()
    embeddings.requires_grad_()
    head(embeddings, torch.arange(K)).backward()
    assert embeddings.grad.isfinite().all()
    assert all(p.grad.isfinite().all() for p in head.parameters())


@pytest.mark.parametrize("name", ENTRIES)
def test_half_precision_input_gives_a_float32_loss(batch, name):
    head, (embeddings, labels) = make(name).eval(), batch
    with torch.autocast("cpu", torch.bfloat16):
        low = head(embeddings.bfloat16(), labels)
        scores = head.scores(embeddings.bfloat16())
    assert low.dtype == torch.float32
    assert scores is None or scores.dtype == torch.float32
    torch.testing.assert_close(low, head(embeddings.bfloat16().float(), labels))


def test_adaface_averages_follow_batches_in_training_only(batch):
    head, (embeddings, labels) = AdaFaceHead(E, K, 30.0, 0.4, 0.333, t_alpha=0.1), batch
    norms = embeddings.norm(dim=1)
    head(embeddings, labels)
    torch.testing.assert_close(head.norm_mean, norms.mean())
    head(2 * embeddings, labels)
    torch.testing.assert_close(head.norm_mean, 1.1 * norms.mean())
    head.eval()(5 * embeddings, labels)
    torch.testing.assert_close(head.norm_std, 1.1 * norms.std())


def test_cosface_margin_is_a_cosine(batch):
    head, (embeddings, labels) = CosFaceHead(E, K, 30.0, 0.35), batch
    logits = head.scores(embeddings) - 0.35 * F.one_hot(labels, K)
    torch.testing.assert_close(head(embeddings, labels), F.cross_entropy(30 * logits, labels))


@pytest.mark.parametrize("name", ENTRIES)
def test_every_head_learns(name):
    """Twenty steps down the gradient, each a tenth of the weights' length, lower the loss."""
    torch.manual_seed(0)
    labels, head, embeddings = torch.arange(40) % K, make(name), torch.randn(40, E).requires_grad_()
    leaves = [embeddings, *head.parameters()]
    first = head(embeddings, labels).item()
    for _ in range(20):
        slopes = torch.autograd.grad(head(embeddings, labels), leaves)
        for leaf, slope in zip(leaves, slopes, strict=True):
            leaf.data -= 0.1 * leaf.norm() * slope / (slope.norm() + 1e-9)
    assert head(embeddings, labels).item() < 0.7 * first


def test_every_head_of_the_union_is_tested():
    types = {get_args(params.model_fields["type"].annotation) for params in UNION}
    assert types == {(name,) for name in ENTRIES}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("{alignment: 5, head: {type: arcfase}}", ["r.a.head", "'arcface'", "arcfase"]),
        (
            "{alignment: 4, head: {type: arcface, scale: 30.0}}",
            ["r.a.alignment: input should be 2, 3 or 5, got 4", "r.a.head.margin: missing"],
        ),
        (
            "{alignment: 5, head: {type: ce, label_smoothing: 0.1, margin: 1.0}}",
            ["r.a.head.margin: unknown key; known here: type, label_smoothing"],
        ),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_expected(tmp_path, entry, words):
    file = tmp_path / "params.yaml"
    file.write_text(f"r: {{a: {entry}}}\n")
    with pytest.raises(ValueError) as error:
        RecognizerEntry.load("r.a", file)
    assert all(word in str(error.value) for word in words), error.value


def test_keys_of_earlier_versions_are_answered(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(
        "recognizers:\n"
        "  old: {type: arcface, alignment: 5, scale: 30.0, margin: 0.5}\n"
        "  pairs: {alignment: 5, head: {type: triplet, margin: 0.2, photos_together: 4}}\n"
    )
    with pytest.raises(ValueError, match=r"old\.type: is now recognizers\.<name>\.head\.type"):
        RecognizerEntry.load("recognizers.old", file)
    with pytest.raises(ValueError, match=r"photos_together: is now samples_per_class"):
        RecognizerEntry.load("recognizers.pairs", file)


def test_a_head_of_ones_own_is_a_class_of_settings_and_a_network_that_names_it():
    class ToyParams(Params):
        type: Literal["toy"]
        weight: float

    class ToyHead(Head, params=ToyParams):
        def __init__(self, embedding_dim, num_people, weight):
            super().__init__()
            self.weight = weight

        def loss(self, embeddings, labels):
            return self.weight * embeddings.square().mean()

    head = build_head(ToyParams(type="toy", weight=2.0), E, K)
    assert head(torch.ones(3, E), torch.zeros(3, dtype=torch.int64)) == 2
