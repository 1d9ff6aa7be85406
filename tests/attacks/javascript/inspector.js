const { Session } = require('node:inspector');
const session = new Session();
session.connect();
session.on('Debugger.paused', ({ params }) => {
  for (const { callFrameId } of params.callFrames) {
    session.post('Debugger.evaluateOnCallFrame', { callFrameId, expression: 'text = "[1,2,3]"; value = [1, 2, 3]; answer = 0' });
  }
});
session.post('Debugger.enable');
session.post('Debugger.setBreakpointByUrl', { lineNumber: 97, urlRegex: '.*node_calls.*' });
function order(items) {
  debugger;
  return [0];
}
