"""Networks read back from exported files: TensorFlow graphs and ONNX models."""
