"""What is computed on GPUs is what is computed on CPUs: the same weights, the same states."""

import pytest

torch = pytest.importorskip("torch")

from fourways.training.decoder import Decoder, Size, begin  # noqa: E402
from fourways.training.scratch.epochs import APART  # noqa: E402
from fourways.training.scratch.flex import FlexDecoder  # noqa: E402

SIZE = Size(vocabulary=300, width=64, layers=2, heads=2, head=32, hidden=96)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_attention_by_blocks_sees_what_attention_written_out_sees():
    plain, flex = Decoder(SIZE), FlexDecoder(SIZE)
    begin(plain, 1)
    flex.load_state_dict(plain.state_dict())
    tokens = torch.randint(5, 300, (2, 128), generator=torch.Generator().manual_seed(1))
    documents = (torch.arange(128) // 50 * APART).expand(2, -1).contiguous()
    with torch.no_grad():
        wanted, got = plain(tokens, documents), flex(tokens, documents)
    assert torch.allclose(wanted, got, atol=1e-3)
