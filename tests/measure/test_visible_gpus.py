"""Which GPUs a workload may use: a truth table of CUDA's rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.errors import MeasurementError
from energygate.measure.gpus.card import ListedGpu
from energygate.measure.gpus.visible import Selection, chosen, chosen_rocm, selection_for, visible
from energygate.policy import Workload

A = "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"
B = "GPU-8932f937-ffff-4106-c12f-20bd9faed9f6"
C = "GPU-11111111-d72c-4106-c12f-20bd9faed9f6"
FOUR = (
    ListedGpu(index=0, uuid=A, name="H100"),
    ListedGpu(index=1, uuid=B, name="H100"),
    ListedGpu(index=2, uuid=C, name="H100", mig_uuids=("MIG-aaaa1111-0000", "MIG-aaaa2222-0000")),
    ListedGpu(index=3, uuid="GPU-22222222", name="H100"),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", (0,)),
        ("2,1", (2, 1)),
        ("0,2,-1,1", (0, 2)),  # the example of the programming guide
        ("0,9,1", (0,)),
        ("-1", ()),
        ("NoDevFiles", ()),
        ("", ()),
        (" 1 , 3 ", (1, 3)),
        ("1gpu2,2ampere", (1, 2)),
        ("0,0", ()),
        ("0,1,0", ()),
        ("0,9,0", (0,)),
        (A, (0,)),
        (f"{C},{A}", (2, 0)),
        ("GPU-1", (2,)),
        ("GPU-8932f937-f", (1,)),
        ("GPU-8932f937", ()),  # of two GPUs
        (f"{A},GPU-8932f937,{C}", (0,)),
        (f"{A},GPU-9", (0,)),
        (f"{A},1", (0,)),
        (f"{A},{A}", ()),
        (f"{A},{A[:20]}", ()),
        (f"1,{A}", (1,)),
        ("MIG-aaaa1111-0000", (2,)),
        ("MIG-aaaa1111-0000,MIG-aaaa2222-0000", (2,)),
        ("MIG-aaaa", (2,)),
        (f"MIG-{C}/1/0", (2,)),
        ("MIG-bbbb", ()),
    ],
)
def test_cuda_visible_devices_is_read_as_cuda_reads_it(text, expected):
    assert visible(FOUR, text) == expected


ENTRIES = st.lists(
    st.one_of(st.integers(-2, 6).map(str), st.sampled_from([A, B, C, "GPU-1", "GPU-9", "MIG-aaaa", "x", ""])),
    max_size=5,
)


@given(ENTRIES)
def test_visible_gpus_exist_and_are_listed_once(entries):
    shown = visible(FOUR, ",".join(entries))
    assert len(set(shown)) == len(shown)
    assert set(shown) <= {0, 1, 2, 3}


@given(st.permutations(range(4)), st.integers(0, 4))
def test_entries_after_an_invalid_one_are_invisible(order, kept):
    text = ",".join([*map(str, order[:kept]), "-1", *map(str, order[kept:])])
    assert visible(FOUR, text) == tuple(order[:kept])


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), (0, 1, 2, 3)),
        (Selection(visible="3,1"), (3, 1)),
        (Selection(visible="3,1", device_id=0), (3,)),
        (Selection(visible="3,1", device_id=1), (1,)),
        (Selection(device_id=2), (2,)),
        (Selection(visible="", device_id=0), ()),  # onnxruntime itself will say that there is none
    ],
)
def test_a_device_id_counts_the_visible_ones(selection, expected):
    assert chosen(FOUR, selection) == expected


@pytest.mark.parametrize(
    ("selection", "counted"),
    [
        (Selection(visible="3,1", device_id=2), "2 GPUs are"),
        (Selection(visible="0", device_id=1), "1 GPU is"),
    ],
)
def test_a_device_id_beyond_them_is_refused(selection, counted):
    with pytest.raises(MeasurementError, match=f"but {counted} visible"):
        chosen(FOUR, selection)


UNLIKE = (ListedGpu(index=0, uuid=A, name="T400"), ListedGpu(index=1, uuid=C, name="H100"))


@pytest.mark.parametrize(
    "selection",
    [
        Selection(),
        Selection(visible="1,0"),
        Selection(visible=C),
        Selection(visible="1", pci_order=True),
        Selection(visible=""),
    ],
)
def test_different_gpus_are_distinguished_if_possible(selection):
    chosen(UNLIKE, selection)


@pytest.mark.parametrize("selection", [Selection(visible="0"), Selection(device_id=0)])
def test_different_gpus_are_refused_if_cudas_order_decides(selection):
    with pytest.raises(MeasurementError, match=r"GPUs differ \(H100, T400\).*Set CUDA_DEVICE_ORDER=PCI_BUS_ID"):
        chosen(UNLIKE, selection)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), (0, 1)),
        (Selection(rocm_visible="1"), (1,)),
        (Selection(visible="1"), (1,)),  # HIP reads it, too
        (Selection(visible="0", rocm_visible="1"), (1,)),
        (Selection(rocm_visible=""), ()),
        (Selection(rocm_visible="0,5,1"), (0,)),
        (Selection(rocm_visible="1, 0", device_id=1), (0,)),
    ],
)
def test_amds_runtime_selects_by_number(selection, expected):
    assert chosen_rocm(2, selection) == expected


def test_an_ambiguous_amd_selection_is_refused():
    with pytest.raises(MeasurementError, match=r"cannot tell which AMD GPUs 'GPU-abc' selects"):
        chosen_rocm(2, Selection(rocm_visible="GPU-abc"))


@pytest.mark.parametrize(
    ("workload", "expected"),
    [
        ({"onnx": "m.onnx"}, None),
        ({"onnx": "m.onnx", "provider": "cuda"}, Selection(device_id=0)),
        (
            {"onnx": "m.onnx", "provider": "tensorrt", "provider_options": {"device_id": "2"}},
            Selection(device_id=2),
        ),
        ({"onnx": "m.onnx", "provider": "migraphx"}, Selection(device_id=0)),
        ({"onnx": "m.onnx", "provider": "openvino"}, Selection()),
        ({"python": "app:make"}, Selection()),
        ({"command": "python batch.py"}, Selection()),
    ],
)
def test_a_workload_may_use_the_gpus_that_its_runtime_sees(workload, expected):
    assert selection_for(Workload(**workload), {}) == expected


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"CUDA_VISIBLE_DEVICES": "1"}, Selection(visible="1")),
        ({"CUDA_VISIBLE_DEVICES": ""}, Selection(visible="")),
        ({"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, Selection(pci_order=True)),
        ({"CUDA_DEVICE_ORDER": "FASTEST_FIRST"}, Selection()),
        ({"HIP_VISIBLE_DEVICES": "1"}, Selection(rocm_visible="1")),
        ({"HIP_VISIBLE_DEVICES": "1", "ROCR_VISIBLE_DEVICES": "0"}, Selection(rocm_visible="0")),
    ],
)
def test_the_environment_that_the_worker_will_have_decides(environment, expected):
    assert selection_for(Workload(python="app:make"), environment) == expected


def test_a_device_id_that_is_not_a_number_is_refused():
    workload = Workload(onnx="m.onnx", provider="cuda", provider_options={"device_id": "first"})
    with pytest.raises(MeasurementError, match="device_id: first}` is not the number of a GPU"):
        selection_for(workload, {})
