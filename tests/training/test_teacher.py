import pytest
import torch
from torch.nn import functional as F

from snnet.training import teacher as teachers
from snnet.training.plan import TrainingError
from tests.networks import tiny
from tests.training.settings import recipe


class TestLoss:
    logits = torch.randn(5, 10, generator=torch.Generator().manual_seed(0))
    said = torch.randn(5, 10, generator=torch.Generator().manual_seed(1)).log_softmax(1)
    labels = torch.tensor([0, 3, 9, 1, 1])

    def test_labels_alone(self):
        found = teachers.loss_of(
            self.logits, None, self.labels, recipe(distillation="none", alpha=0.0, smoothing=0.1)
        )
        assert found == F.cross_entropy(self.logits, self.labels, label_smoothing=0.1)

    def test_hard(self):
        found = teachers.loss_of(
            self.logits, self.said, self.labels, recipe(distillation="hard", smoothing=0.0)
        )
        parts = F.cross_entropy(self.logits, self.labels), F.cross_entropy(self.logits, self.said.argmax(1))
        assert found == pytest.approx(float(sum(parts) / 2))

    def test_soft_at_a_temperature(self):
        settings = recipe(alpha=1.0, temperature=2.0)
        said = (self.said / 2).log_softmax(1)
        found = teachers.loss_of(self.logits, said, None, settings)
        ours = (self.logits / 2).softmax(1)
        assert found == pytest.approx(float(4 * (said.exp() * (said - ours.log())).sum() / 5), rel=1e-5)

    def test_nothing_to_learn_where_the_student_is_the_teacher(self):
        assert teachers.loss_of(self.said, self.said, None, recipe(alpha=1.0)) == pytest.approx(0, abs=1e-6)


class TestTeacher:
    images = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))

    def test_the_largest_anchor_and_the_mean_of_all(self):
        net = tiny()
        each = [a.model(self.images).softmax(1) for a in net.anchors]
        largest = teachers.Teacher(net, recipe(teacher="largest"))(self.images, 1.0)
        assert torch.allclose(largest.exp(), each[1], atol=1e-6)
        mean = teachers.Teacher(net, recipe(teacher="anchors"))(self.images, 1.0)
        assert torch.allclose(mean.exp(), (each[0] + each[1]) / 2, atol=1e-6)

    def test_anchors_that_move_leave_their_teacher_behind(self):
        net = tiny()
        teacher = teachers.Teacher(net, recipe())
        before = teacher(self.images, 1.0)
        with torch.no_grad():
            for p in net.parameters():
                p.mul_(1.1)
        assert torch.equal(teacher(self.images, 1.0), before)

    def test_another_model_sees_photos_as_it_was_made_for(self, monkeypatch):
        import timm

        from snnet.weights import originals

        torch.manual_seed(0)
        model = timm.create_model("test_efficientnet", pretrained=False, num_classes=1000).eval()
        monkeypatch.setattr(originals, "timm_model", lambda *args, **kwargs: model)
        net = tiny()
        pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
        ours = net.transform(net.stitches[0])
        theirs = model.default_cfg

        def normalised(mean, std):
            return (pixels - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)

        said = teachers.Teacher(net, recipe(teacher="other"))(normalised(ours.mean, ours.std), 1.0)
        with torch.no_grad():
            expected = model(normalised(theirs["mean"], theirs["std"])).log_softmax(1)
        assert torch.allclose(said, expected, atol=1e-4)
        model.num_classes = 11
        says = r"the teacher other has 11 classes \(classes of its own\) and tiny 1000 \(ImageNet-1k\)"
        with pytest.raises(TrainingError, match=says):
            teachers.Teacher(net, recipe(teacher="other"))
