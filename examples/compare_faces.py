"""Do two pictures show one person? The exported networks with onnxruntime and OpenCV alone.

python examples/compare_faces.py data/cropped/000001.jpg data/cropped/000002.jpg

Each picture is square and shows one face with a margin. For whole photographs, and for the
landmarks between pixels, see facerec/deployment/onnx_networks.py.
"""

import json
import sys

import cv2
import numpy as np
import onnxruntime


def load(file):
    session = onnxruntime.InferenceSession(file)
    texts = session.get_modelmeta().custom_metadata_map
    return session, {key: json.loads(text) for key, text in texts.items()}


def embed(file):
    size = hourglass["face_size"]
    picture = cv2.resize(cv2.cvtColor(cv2.imread(file), cv2.COLOR_BGR2RGB), (size, size))
    zoom = size / hourglass["image_size"]
    middle = (zoom - 1) / 2
    whole = np.array([[[zoom, 0, middle], [0, zoom, middle]]], np.float32)
    heatmaps = finder.run(None, {"faces": picture[None], "matrices": whole})[0][0]
    peaks = np.array([divmod(heatmap.argmax(), len(heatmap))[::-1] for heatmap in heatmaps])
    points = (peaks + 0.5) * (size / heatmaps.shape[-1]) - 0.5
    matrix, _ = cv2.estimateAffinePartial2D(points, np.array(recognizer["template"]))
    face = cv2.warpAffine(picture, matrix, (recognizer["image_size"],) * 2)
    embedding = embedder.run(None, {"faces": face[None]})[0][0]
    return embedding / np.linalg.norm(embedding)


finder, hourglass = load("models/hourglass.onnx")
embedder, recognizer = load("models/recognizer.onnx")
cosine = embed(sys.argv[1]) @ embed(sys.argv[2])
print(f"cosine {cosine:.3f}, one person from {recognizer.get('cosine_threshold')} on")
