"""A model that recognises drawn faces after seconds: Fisherfaces, as an ONNX file."""

import io
from functools import cache, partial
from itertools import product

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from facerec import geometry
from facerec.imaging.warp import warp
from facerec.parallel import parallel_map
from facerec.synthetic.drawing import photograph

SEED = 77  # of other people than those that tests recognise
PEOPLE, PHOTOS = 48, 6
DIMENSIONS, COMPONENTS = 150, 40


@cache
def fisherfaces(size: int) -> bytes:
    """Returns a file that maps faces (N, 3, size, size) to embeddings of COMPONENTS numbers.

    Belhumeur et al. 1997, "Eigenfaces vs. Fisherfaces": principal components, then discriminants.
    """
    drawn = list(product(range(PEOPLE), range(PHOTOS)))
    faces = parallel_map(partial(_face, size), drawn, None, processes=True, chunk_size=16)
    vectors = np.stack(list(faces))
    reduction = PCA(DIMENSIONS).fit(vectors)
    classes = LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.1, n_components=COMPONENTS)
    classes.fit(reduction.transform(vectors), [person for person, _ in drawn])
    matrix = (reduction.components_.T @ classes.scalings_[:, :COMPONENTS]).astype(np.float32)
    offset = -reduction.mean_ @ matrix
    nodes = [
        helper.make_node("Flatten", ["faces"], ["pixels"]),
        helper.make_node("Gemm", ["pixels", "matrix", "offset"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "fisherfaces",
        [helper.make_tensor_value_info("faces", TensorProto.FLOAT, ["n", 3, size, size])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", COMPONENTS])],
        [numpy_helper.from_array(matrix, "matrix"), numpy_helper.from_array(offset, "offset")],
    )
    opset = [helper.make_opsetid("", 21)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()


def _face(size: int, of: tuple[int, int]) -> np.ndarray:
    """Returns the pixels of an aligned drawn face as the model sees them, -0.5 to 0.5."""
    drawn = photograph(SEED, *of, flaw_prob=0.0)
    image = np.asarray(Image.open(io.BytesIO(drawn.jpeg)).convert("RGB"))
    points = np.asarray(drawn.landmarks, float).reshape(1, 5, 2)
    matrix = geometry.alignment_matrices_to(geometry.template(size), points)[5][0]
    face = warp(image, matrix, size).transpose(2, 0, 1)
    return face.reshape(-1).astype(np.float32) / 255 - 0.5
