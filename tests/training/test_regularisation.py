import copy

import pytest
import torch
from timm.layers import DropPath
from timm.utils.agc import unitwise_norm

from snnet.catalogue import published
from snnet.training import run as train
from snnet.training.optimiser import clipped
from snnet.training.plan import TrainingError
from snnet.training.regularisation import prepare
from snnet.training.teacher import loss_of
from tests.network.test_own_norms import with_norms
from tests.networks import tiny
from tests.training.settings import recipe


def shares(model) -> dict[str, float]:
    return {name: m.drop_prob for name, m in model.named_modules() if isinstance(m, DropPath) and m.drop_prob}


class TestDropPath:
    def test_the_shares_are_timms_own_rising_ones(self):
        import timm

        net = published.outline("deit")
        with torch.device("meta"):
            expected = shares(timm.create_model("deit_small_patch16_224", drop_path_rate=0.1))
        undo = prepare(net, recipe(drop_path="0.1"))
        assert shares(net.anchors[1].model) == pytest.approx(expected)
        assert len(expected) == 22
        assert max(expected.values()) == pytest.approx(0.1)
        undo()
        assert not shares(net.anchors[1].model)

    def test_even_ones_are_the_same_in_each_block_and_each_anchor_has_its_own(self):
        net = published.outline("deit3_s_b")
        prepare(net, recipe(drop_path="0.05,0.15", drop_path_rule="even"))
        for anchor, rate in zip(net.anchors, (0.05, 0.15), strict=True):
            assert set(shares(anchor.model).values()) == {rate}
            assert len(shares(anchor.model)) == 24

    def test_none_takes_timms_default_away_and_nothing_said_leaves_it(self):
        net = published.outline("swin")
        assert shares(net.anchors[0].model)  # timm makes Swin with 0.1
        prepare(net, recipe())
        assert max(shares(net.anchors[0].model).values()) == pytest.approx(0.1)
        undo = prepare(net, recipe(drop_path="0"))
        assert not shares(net.anchors[0].model)
        undo()
        assert max(shares(net.anchors[0].model).values()) == pytest.approx(0.1)

    def test_evaluation_and_tensors_stay_and_training_leaves_branches_out(self):
        net = tiny()
        images = torch.randn(8, 3, 64, 64)
        stitch = next(s for s in net.stitches if s.is_anchor and s.image_size == 64)
        net.eval()
        before, names = net(images, stitch), [*net.state_dict()]
        prepare(net, recipe(drop_path="0.9"))
        assert torch.equal(net(images, stitch), before)
        assert [*net.state_dict()] == names
        net.train()
        torch.manual_seed(0)
        assert not torch.allclose(net(images, stitch), net(images, stitch))

    def test_a_run_leaves_no_trace_of_it(self, photos, tmp_path):
        net = tiny()
        train.train(net, photos, recipe(drop_path="0.5", steps=2), tmp_path, train.TrainingOptions(workers=0))
        assert not any(shares(anchor.model) for anchor in net.anchors)

    def test_what_can_not_be_is_refused(self):
        with pytest.raises(TrainingError, match=r"'0\.1,0\.2,0\.3' has 3 numbers for 2 anchors"):
            prepare(tiny(), recipe(drop_path="0.1,0.2,0.3"))
        with pytest.raises(TrainingError, match="norms of its own"):
            prepare(with_norms(), recipe(drop_path="0.1"))
        with pytest.raises(TrainingError, match="no anchor of tiny has two; choose heads mean"):
            prepare(tiny(), recipe(heads="apart"))


class TestHeads:
    def test_two_heads_learn_apart_and_answer_together(self):
        net = published.blank("levit")
        images = torch.randn(2, 3, 224, 224)
        stitch = net.stitches[-1]
        undo = prepare(net, recipe(heads="apart"))
        together = net.eval()(images, stitch)
        net.train()
        pair = net(images, stitch)
        assert isinstance(pair, tuple)
        net.eval()
        undo()
        assert torch.equal(net(images, stitch), together)
        assert isinstance(net.train()(images, stitch), torch.Tensor)

    def test_the_first_learns_the_labels_and_the_second_the_teacher(self):
        labels, teacher = torch.tensor([0, 1]), torch.log_softmax(torch.randn(2, 3), 1)
        first, second = torch.randn(2, 3), torch.randn(2, 3)
        hard = recipe(distillation="hard", alpha=0.25, smoothing=0.0)
        loss = loss_of((first, second), teacher, labels, hard)
        alone = [loss_of(each, teacher, labels, hard) for each in (first, second)]
        by_label = torch.nn.functional.cross_entropy(first, labels)
        by_teacher = torch.nn.functional.cross_entropy(second, teacher.argmax(1))
        assert loss == pytest.approx(float(0.75 * by_label + 0.25 * by_teacher))
        assert loss not in alone


class TestClipping:
    def test_each_units_gradient_is_clipped_to_its_share_of_the_weights(self):
        torch.manual_seed(0)
        weight = torch.nn.Parameter(torch.randn(4, 5))
        weight.grad = torch.randn(4, 5) * torch.tensor([[1e-4], [1.0], [10.0], [1e-4]])
        before = weight.grad.clone()
        norm = clipped([{"params": [weight]}], recipe(clip=0.01, clip_mode="agc"))
        assert norm == pytest.approx(float(before.norm()))
        most = 0.01 * unitwise_norm(weight.detach())
        assert (unitwise_norm(weight.grad) <= most * 1.0001).all()
        small = (unitwise_norm(before) < most).flatten()
        assert small.tolist() == [True, False, False, True]
        assert torch.equal(weight.grad[small], before[small])

    def test_a_run_clips_so(self, photos, tmp_path):
        settings = recipe(
            clip=1e-9, clip_mode="agc", optimizer="momentum", momentum=0.0, weight_decay=0.0, lr=1.0
        )
        net = tiny()
        before = copy.deepcopy(dict(net.named_parameters()))
        train.train(net, photos, settings, tmp_path, train.TrainingOptions(workers=0))
        assert all((p - before[name]).norm() < 1e-4 for name, p in net.named_parameters())
