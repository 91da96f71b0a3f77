#!/usr/bin/env python3
"""Writes core/kernels/grids.c from the codebooks of gguf-py (MIT): list_grids.py > core/kernels/grids.c

A point of eight values is one 16-bit number, two bits a value; a point of four, three bits (an octal digit) a value. Value
0 comes lowest. In this form every list rises."""
import numpy as np
from gguf import quants

HEAD = '''/* core/kernels/grids.c: the codebooks of GGUF's IQ types, packed as grids.h says.
 *
 * Facts of the format: the points that llama.cpp's authors (MIT licence) chose, ordered as its ggml-common.h and gguf-py 0.19
 * (quants.py, grid_hex) order them. Written by tests/golden/list_grids.py. */
#include "core/kernels/grids.h"
'''
LISTS = {'iq2_xxs': 'IQ2_XXS', 'iq2_xs': 'IQ2_XS', 'iq2_s': 'IQ2_S', 'iq1': 'IQ1_S', 'iq3_xxs': 'IQ3_XXS', 'iq3_s': 'IQ3_S'}

print(HEAD)
for i, (name, cls) in enumerate(LISTS.items()):
    book = getattr(quants, cls)
    book.init_grid()
    levels = np.searchsorted(book.grid_map, book.grid.reshape(book.grid_shape))
    bits = 16 // levels.shape[1] if levels.shape[1] == 8 else 3
    packed = (levels << bits * np.arange(levels.shape[1])).sum(axis=1)
    assert (np.diff(packed) > 0).all()
    words = [f'0x{p:04x}' if bits == 2 else f'0{p:04o}' for p in packed]
    per_line = 14 if bits == 2 else 16
    print(f'const uint16_t evk_grid_{name}[{len(words)}] = {{')
    for at in range(0, len(words), per_line):
        print('    ' + ', '.join(words[at:at + per_line]) + ',')
    print('};' if i == len(LISTS) - 1 else '};\n')
