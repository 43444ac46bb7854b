/* Tones made on the spot: [hertz, seconds, pause]. A kiosk needs the flag
   --autoplay-policy=no-user-gesture-required; without it the screen stays silent, and shows. */

const TONES = {
  accept: [
    [1047, 0.07, 0.01],
    [1568, 0.1, 0],
  ],
  hold: [
    [784, 0.08, 0.08],
    [784, 0.08, 0],
  ],
  office: [
    [440, 0.09, 0.07],
    [440, 0.09, 0.07],
    [392, 0.12, 0],
  ],
  not_stored: [[330, 0.5, 0]],
  identify: [[1047, 0.15, 0]],
  tested_well: [
    [784, 0.1, 0.02],
    [1047, 0.1, 0.02],
    [1568, 0.16, 0],
  ],
  tested_fault: [
    [523, 0.16, 0.06],
    [392, 0.3, 0],
  ],
};
const LOUDNESS = 0.5;
const EDGE = 0.008; // seconds to rise and to fall: none would click

let context = null;

export function play(state) {
  const tones = TONES[state];
  if (!tones) return;
  context ??= new AudioContext();
  if (context.state === "suspended") {
    context.resume(); // never waited for: where it is not allowed it only settles at a touch
    if (context.state === "suspended" && context.currentTime === 0 && !navigator.userActivation?.hasBeenActive)
      return;
  }
  let at = context.currentTime;
  for (const [hertz, seconds, pause] of tones) {
    sound(hertz, at, seconds);
    at += seconds + pause;
  }
}

function sound(hertz, at, seconds) {
  const tone = new OscillatorNode(context, { type: "triangle", frequency: hertz });
  const volume = new GainNode(context, { gain: 0 });
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(LOUDNESS, at + EDGE);
  volume.gain.setValueAtTime(LOUDNESS, at + seconds - EDGE);
  volume.gain.linearRampToValueAtTime(0, at + seconds);
  tone.connect(volume).connect(context.destination);
  tone.start(at);
  tone.stop(at + seconds);
}
