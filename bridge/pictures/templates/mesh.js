"use strict";
// Positions are 16-bit steps of the whole scene's box; normals are computed here.
(() => {
  const data = JSON.parse(document.getElementById("meshes").textContent);
  const canvas = document.getElementById("view");
  const gl = canvas.getContext("webgl2", { antialias: true, preserveDrawingBuffer: true });
  if (!gl) {
    const box = document.createElement("div");
    box.id = "failure";
    box.textContent = "This browser shows no WebGL 2. The turntable beside this page shows the meshes.";
    canvas.replaceWith(box);
    return;
  }

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;

  function normalsOf(points, faces) {
    const normals = new Float32Array(points.length);
    for (let f = 0; f < faces.length; f += 3) {
      const [a, b, c] = [3 * faces[f], 3 * faces[f + 1], 3 * faces[f + 2]];
      const u = [0, 1, 2].map((k) => points[b + k] - points[a + k]);
      const v = [0, 1, 2].map((k) => points[c + k] - points[a + k]);
      const n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
      for (const corner of [a, b, c]) for (let k = 0; k < 3; k++) normals[corner + k] += n[k];
    }
    return normals;
  }

  const shader = (type, text) => {
    const made = gl.createShader(type);
    gl.shaderSource(made, text);
    gl.compileShader(made);
    return made;
  };
  const program = gl.createProgram();
  gl.attachShader(program, shader(gl.VERTEX_SHADER, `#version 300 es
    in vec3 position; in vec3 normal; out vec3 n;
    uniform mat3 turn; uniform vec2 aspect; uniform vec2 shift; uniform float zoom;
    void main() {
      vec3 p = turn * position * zoom;
      n = turn * normal;
      gl_Position = vec4((p.xy + shift) * aspect, -p.z / (4.0 * max(zoom, 1.0)), 1.0);
    }`));
  gl.attachShader(program, shader(gl.FRAGMENT_SHADER, `#version 300 es
    precision highp float;
    in vec3 n; out vec4 shown; uniform vec3 color;
    void main() {
      vec3 m = normalize(n);
      if (m.z < 0.0) m = -m;
      vec3 key = normalize(vec3(-0.45, 0.65, 0.75)), fill = normalize(vec3(0.8, -0.1, 0.35));
      float light = 0.26 + 0.62 * max(dot(m, key), 0.0) + 0.22 * max(dot(m, fill), 0.0);
      float gloss = 0.18 * pow(max(dot(m, normalize(key + vec3(0.0, 0.0, 1.0))), 0.0), 40.0);
      shown = vec4(light * color + gloss, 1.0);
    }`));
  gl.linkProgram(program);
  gl.useProgram(program);
  const uniform = (name) => gl.getUniformLocation(program, name);
  const uniforms = Object.fromEntries(["turn", "aspect", "shift", "zoom", "color"].map((n) => [n, uniform(n)]));

  const buffer = (target, values) => {
    const made = gl.createBuffer();
    gl.bindBuffer(target, made);
    gl.bufferData(target, values, gl.STATIC_DRAW);
    return made;
  };
  const meshes = data.meshes.map((mesh) => {
    const steps = new Uint16Array(bytes(mesh.points));
    const points = new Float32Array(steps.length);
    for (let k = 0; k < steps.length; k++) {
      points[k] = ((steps[k] / 65535) * data.size[k % 3] - data.size[k % 3] / 2) / data.radius;
    }
    const faces = new Uint32Array(bytes(mesh.faces));
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    [["position", points], ["normal", normalsOf(points, faces)]].forEach(([name, values]) => {
      buffer(gl.ARRAY_BUFFER, values);
      const place = gl.getAttribLocation(program, name);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, 3, gl.FLOAT, false, 0, 0);
    });
    buffer(gl.ELEMENT_ARRAY_BUFFER, faces);
    const color = [1, 3, 5].map((at) => parseInt(mesh.color.slice(at, at + 2), 16) / 255);
    return { array, color, count: faces.length, visible: true };
  });

  let yaw = 0, pitch = 25, zoom = 0.95, shift = [0, 0];
  const radians = (degrees) => (degrees * Math.PI) / 180;

  // Data are x right, y down, z away; the stack lies on a table: z points down, y to the camera.
  function turn() {
    const [c, s, d, e] = [Math.cos(radians(yaw)), Math.sin(radians(yaw)), Math.cos(radians(pitch)), Math.sin(radians(pitch))];
    // columns of what x, y and z of the data become: right, up, towards the camera
    return new Float32Array([c, -e * s, d * s, -s, -e * c, d * c, 0, -d, -e]);
  }

  function showBar(scale) {
    const least = (80 / scale) * data.radius; // µm of 80 screen pixels
    const power = 10 ** Math.floor(Math.log10(least));
    const length = [1, 2, 5, 10].map((k) => k * power).find((each) => each >= least);
    const bar = document.getElementById("bar");
    bar.style.width = `${(length / data.radius) * scale}px`;
    bar.textContent = `${Number(length.toPrecision(3))} µm`;
  }

  function draw() {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, canvas.clientWidth * ratio);
    canvas.height = Math.max(1, canvas.clientHeight * ratio);
    const side = Math.min(canvas.width, canvas.height);
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(1, 1, 1, 1);
    gl.enable(gl.DEPTH_TEST);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniformMatrix3fv(uniforms.turn, false, turn());
    gl.uniform2f(uniforms.aspect, side / canvas.width, side / canvas.height);
    gl.uniform2f(uniforms.shift, shift[0], shift[1]);
    gl.uniform1f(uniforms.zoom, zoom);
    for (const mesh of meshes.filter((each) => each.visible)) {
      gl.bindVertexArray(mesh.array);
      gl.uniform3fv(uniforms.color, mesh.color);
      gl.drawElements(gl.TRIANGLES, mesh.count, gl.UNSIGNED_INT, 0);
    }
    showBar((zoom * side) / ratio / 2);
  }

  canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
  canvas.addEventListener("pointermove", (event) => {
    if (!event.buttons) return;
    if (event.shiftKey || event.buttons === 2) {
      const half = Math.min(canvas.clientWidth, canvas.clientHeight) / 2;
      shift = [shift[0] + event.movementX / half, shift[1] - event.movementY / half];
    } else {
      yaw -= event.movementX * 0.5;
      pitch = Math.max(-90, Math.min(90, pitch + event.movementY * 0.5));
    }
    draw();
  });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom = Math.max(0.1, Math.min(50, zoom * Math.exp(-event.deltaY / 600)));
    draw();
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [5, 0], ArrowRight: [-5, 0], ArrowUp: [0, -5], ArrowDown: [0, 5] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    yaw += step[0];
    pitch = Math.max(-90, Math.min(90, pitch + step[1]));
    draw();
  });
  canvas.addEventListener("dblclick", () => {
    [yaw, pitch, zoom, shift] = [0, 25, 0.95, [0, 0]];
    draw();
  });
  document.querySelectorAll("input[data-mesh]").forEach((box) => box.addEventListener("change", () => {
    meshes[Number(box.dataset.mesh)].visible = box.checked;
    draw();
  }));
  window.addEventListener("resize", draw);
  draw();
})();
