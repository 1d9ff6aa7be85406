"""Labels in a scatter plot are next to their points and overlap nothing else."""

import random
from itertools import combinations

from harness.report.label_placement import CHAR_PX, Box, place_labels

FRAME = Box(50, 0, 880, 320)


def spot(x: float, y: float) -> Box:
    return Box(x - 7, y - 7, x + 7, y + 7)


def placed(*points: Box, whiskers: tuple[Box, ...] = ()) -> list[Box]:
    return place_labels(points, ["demo-quick"] * len(points), whiskers, FRAME)


def test_a_label_is_right_of_its_point_or_left_of_one_at_the_right_edge() -> None:
    (free,), (last,) = placed(spot(400, 100)), placed(spot(870, 100))
    assert free.left == 410
    assert free.top < 100 < free.bottom
    assert last.right == 860
    assert last.right - last.left == CHAR_PX * len("demo-quick")


def test_a_label_avoids_the_points_and_whiskers_of_others() -> None:
    near = placed(spot(400, 100), spot(440, 100))
    assert near[0].right < 400
    assert near[1].left > 440
    (beside,) = placed(spot(400, 100), whiskers=(Box(430, 60, 434, 140),))
    assert beside.right < 400


def test_labels_of_crowded_points_overlap_nothing() -> None:
    rng = random.Random(20)
    for _ in range(200):
        points = [spot(rng.uniform(300, 420), rng.uniform(120, 220)) for _ in range(4)]
        boxes = placed(*points)
        assert all(one.overlap(other) == 0 for one, other in combinations(boxes, 2))
        assert all(box.overlap(point) == 0 for box in boxes for point in points)
        assert all(FRAME.contains(box) for box in boxes)


def test_all_labels_are_drawn_even_without_space() -> None:
    assert len(placed(*[spot(400, 100)] * 40)) == 40
