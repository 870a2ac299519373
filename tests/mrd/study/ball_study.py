"""The text of a study of one search, whose lines the tests of messages count."""

BALL = """\
name: demo
seed: 7
targets:
  ball:
    shape: {kind: sphere, subdivisions: 2}
    cameras: {kind: ring, count: 2, held_out: 1, resolution: 16}
models:
  pixels:
    network: pixels
searches:
  shape:
    attributes: [shape]
    start:
      shape: {kind: blob, seed: 1, subdivisions: 2}
    steps: 30
"""
