/** Everything that the page says, in both languages. One row a sentence. */
const WORDS = {
  services: ['Processes', '进程'],
  service: ['Service', '服务'],
  state: ['State', '状态'],
  pid: ['Process', '进程号'],
  uptime: ['Up for', '已运行'],
  restarts: ['Restarts', '重启次数'],
  active: ['Active', '活动数'],
  health: ['Health', '健康'],
  restart: ['Restart', '重启'],
  restarting: ['is being restarted', '正在重启'],
  calls: ['Calls in progress', '当前通话'],
  call: ['Call', '通话'],
  party: ['Party', '方向'],
  codec: ['Codec', '编码'],
  packets: ['Packets', '包数'],
  loss: ['Loss', '丢包'],
  jitter: ['Jitter', '抖动'],
  media: ['Media', '媒体'],
  overTime: ['Packets a second', '每秒包数'],
  caller: ['caller', '主叫'],
  callee: ['callee', '被叫'],
  ladder: ['SIP and media of the call', '该通话的 SIP 与媒体'],
  openLadder: ['SIP of the call', '该通话的 SIP'],
  close: ['Close', '关闭'],
  noMessages: [
    'No message of this call is remembered any more (ims.traceMessages says how many are).',
    '已不再保留该通话的消息（保留数量见 ims.traceMessages）。',
  ],
  callIsOver: ['The call is over; this is how its media was at last.', '通话已结束，以下为其最后的媒体状况。'],
  noMediaTold: ['Nothing is known of its media.', '没有该通话的媒体信息。'],
  noCalls: ['no calls', '没有通话'],
  findings: ['What is wrong?', '诊断'],
  runCheck: ['Run the check', '运行诊断'],
  checking: ['looking …', '检查中……'],
  nothingFound: ['nothing that breaks calls', '未发现影响通话的问题'],
  mediaCheck: ['RTP through the relay', '经中继的 RTP'],
  mediaPasses: ['passes both ways', '双向畅通'],
  mediaDead: ['does not pass', '不通'],
  mediaUnknown: ['not checked yet', '尚未检查'],
  delay: ['delay', '时延'],
  quality: ['Quality of the directions in progress (MOS)', '当前各方向的语音质量（MOS）'],
  noEstimate: ['no estimate', '无评估'],
  notTold: ['directions of further calls are not counted here', '其余通话未计入'],
  registrations: ['Registered devices', '已注册的终端'],
  noRegistrations: ['nobody is registered', '没有已注册的终端'],
  user: ['User', '用户'],
  contact: ['Contact', '联系地址'],
  from: ['Comes from', '来自'],
  expires: ['Expires in', '剩余有效期'],
  userAgent: ['Device', '终端'],
  moreDevices: ['and more devices', '另有更多终端'],
  records: ['Call records', '通话记录'],
  day: ['Day (UTC)', '日期（UTC）'],
  searchText: ['Number, address or Call-ID', '号码、地址或 Call-ID'],
  cause: ['Cause (Q.850)', '原因（Q.850）'],
  search: ['Search', '查询'],
  downloadCsv: ['Download CSV', '下载 CSV'],
  noRecords: ['no records', '没有记录'],
  moreRecords: ['there may be more, older ones', '可能还有更早的记录'],
  time: ['Time', '时间'],
  talked: ['Talked', '通话时长'],
  status: ['Status', '状态码'],
  reason: ['Reason', '原因'],
  endedBy: ['Ended by', '挂断方'],
  server: ['server', '服务器'],
  bans: ['Banned sources', '被封禁的来源'],
  noBans: ['nobody is banned', '没有被封禁的来源'],
  source: ['Source', '来源'],
  failures: ['Wrong passwords', '密码错误次数'],
  left: ['Left', '剩余'],
  lift: ['Lift', '解除'],
  events: ['Events', '事件'],
  logs: ['Log of relay and IMS', '中继与 IMS 日志'],
  disconnected: [
    'No connection to ims-launch; what is shown may be old.',
    '与 ims-launch 的连接已断开，显示内容可能已过时。',
  ],
  refused: ['It was refused: ', '请求被拒绝：'],
  ready: ['ready', '就绪'],
  degraded: ['degraded', '降级'],
  starting: ['starting', '启动中'],
  other: ['English', '中文'],
} as const satisfies Record<string, readonly [en: string, zh: string]>;

export type Word = keyof typeof WORDS;
export type Language = 'en' | 'zh';

let language: Language = 'en';

export function speak(chosen: Language): void {
  language = chosen;
}

export function spoken(): Language {
  return language;
}

export function word(name: Word): string {
  return WORDS[name][language === 'en' ? 0 : 1];
}

/** The word for a state of the system, or the state itself. */
export function verdictWord(verdict: string): string {
  return verdict === 'ready' || verdict === 'degraded' || verdict === 'starting' ? word(verdict) : verdict;
}

/** `3 d 4 h`, `12 min`, `40 s`: the two largest units. */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const units: readonly (readonly [number, string])[] = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ];
  const parts: string[] = [];
  let rest = seconds;
  for (const [size, unit] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 && parts.length < 2) {
      parts.push(`${count} ${unit}`);
    }
  }
  return parts.join(' ') || '0 s';
}
