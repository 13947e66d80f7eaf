// A photograph by the camera of this machine.

import { $ } from "./dom.js";

const dialog = $("viewfinder");
const video = dialog.querySelector("video");
let taken = null;

export async function openCamera(whenTaken) {
  taken = whenTaken;
  if (!navigator.mediaDevices) {
    $("status").textContent = "Browsers give the camera only to https and to 127.0.0.1. Choose a photograph instead.";
    return;
  }
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } } });
  } catch (error) {
    const refused = error.name === "NotAllowedError";
    $("status").textContent = refused ? "The browser was not allowed to use the camera." : "No camera can be used here.";
    return;
  }
  dialog.showModal();
}

// Before the first picture there is nothing to take.
video.addEventListener("playing", () => ($("shoot").disabled = false));
$("shoot").addEventListener("click", () => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => {
    dialog.close();
    taken(new File([blob], "camera.jpg", { type: "image/jpeg" }));
  }, "image/jpeg", 0.95);
});
$("close-camera").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => {
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  $("shoot").disabled = true;
  $("camera").focus();
});
