# SPDX-License-Identifier: MIT
"""One of two processes that train a module on half of the rows each.

python distributed_job.py RANK ADDRESS  # Prints its gradients, as JSON.
"""

import json
import sys

from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from modules_test import Density
from oracle import Data

rank, address = int(sys.argv[1]), sys.argv[2]
distributed.init_process_group(
    "gloo", init_method=address, rank=rank, world_size=2
)
module = DistributedDataParallel(Density())
x = Data(2).normal(6, 3)
module(x[3 * rank : 3 * rank + 3]).mean().backward()
print(json.dumps([p.grad.tolist() for p in module.module.parameters()]))
distributed.destroy_process_group()
