"""Problems are told once each, in the order of the files, with the nearest known word."""

from callwarden.problems import Problem, ProblemsFound, did_you_mean


def test_a_problem_reads_like_a_compilers() -> None:
    problem = Problem("a.yaml", 3, 7, "gate.listen", "must be HOST:PORT")
    assert str(problem) == "a.yaml:3:7: gate.listen: must be HOST:PORT"


def test_they_are_sorted_by_place_and_told_once() -> None:
    late, early = Problem("a.yaml", 10, 1, "k", "m"), Problem("a.yaml", 9, 2, "k", "m")
    assert ProblemsFound([late, early, late]).problems == (early, late)


def test_the_nearest_word_is_offered_and_no_far_one() -> None:
    assert did_you_mean("hause", ["house", "mouse-trap"]) == " (did you mean house?)"
    assert did_you_mean("zzz", ["house"]) == ""
    assert did_you_mean("house", []) == ""
